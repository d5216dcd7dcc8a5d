from collections.abc import Callable
from pathlib import Path

import pytest

from kolla.catalogue import loader
from kolla.settings import Settings, load, passwords
from kolla.settings.inventory import Inventory

MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings with the override files given (and `globals` lines), on hosts `one` and `two`."""

    def make(*files: str, globals_yml: str = "") -> Settings:
        (tmp_path / "globals.yml").write_text("kolla_internal_vip_address: 192.0.2.1\n" + globals_yml)
        passwords.complete(tmp_path / "passwords.yml", passwords.generate(loader.load(), {}))
        for name in files:
            path = tmp_path / "config" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        hosts = Inventory.parse({"control": {"hosts": ["one"]}, "compute": {"hosts": ["two"]}})
        return load(tmp_path, inventory=hosts)

    return make
