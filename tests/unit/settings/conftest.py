from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.settings import Settings, load, passwords
from kolla.settings.inventory import Inventory

VIP = "kolla_internal_vip_address: 192.0.2.1\n"

Write = Callable[..., Path]
LoadSettings = Callable[..., Settings]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return loader.load()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes globals.yml (and other files, by name) below a configuration directory."""

    def write_files(globals_yml: str = "", **files: str) -> Path:
        (tmp_path / "globals.yml").write_text(globals_yml)
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_yml", ".yml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write_files


def inventory(host_vars: dict[str, dict[str, Any]] | None = None, **groups: list[str]) -> Inventory:
    """An inventory; by default one host, `one`, for everything. Networks and virtual machines are where the
    first of `groups` is, unless it says otherwise."""
    found = groups or {"control": ["one"]}
    found = {name: next(iter(found.values())) for name in ("network", "compute")} | found
    listing: dict[str, Any] = {name: {"hosts": hosts} for name, hosts in found.items()}
    return Inventory.parse({"_meta": {"hostvars": host_vars or {}}, **listing}, ["inventory/multinode"])


@pytest.fixture
def load_settings(write: Write, catalogue: Catalogue) -> LoadSettings:
    """Loads settings from the text of globals.yml, with all passwords made."""

    def load_them(
        globals_yml: str = VIP, hosts: Inventory | None = None, service_paths: Sequence[Path] = ()
    ) -> Settings:
        directory = write(globals_yml)
        passwords.complete(directory / "passwords.yml", passwords.generate(catalogue, {}))
        return load(directory, inventory=hosts or inventory(), service_paths=service_paths)

    return load_them
