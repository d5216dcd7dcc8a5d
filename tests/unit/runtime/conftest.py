"""A container's root directory in a temporary folder."""

from __future__ import annotations

import grp
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from kolla.runtime.lib.kolla_runtime import set_configs

USER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name
ME = f"{USER}:{GROUP}"
SOURCES = "/var/lib/kolla/config_files"


class Container:
    """What a test does to a container: give it configuration, start it, look inside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path(SOURCES).mkdir(parents=True)

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> Path:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def read(self, inside: str) -> str:
        return self.path(inside).read_text()

    def mode(self, inside: str) -> str:
        return f"{self.path(inside).stat().st_mode & 0o7777:04o}"

    def configure(self, *config_files: dict[str, Any], command: str = "sleep", **other: Any) -> None:
        """Write config.json; items get this test's user as owner, and perm 0600."""
        items = [{"owner": ME, "perm": "0600", **item} for item in config_files]
        document = {"command": command, "config_files": items, **other}
        self.write(f"{SOURCES}/config.json", json.dumps(document))

    def start(self, **environment: str) -> int:
        return set_configs.main([], self.root, environment)

    def check(self) -> int:
        return set_configs.main(["--check"], self.root, {})


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def item(source: str, dest: str, **other: Any) -> dict[str, Any]:
    """A config_files item; `source` is relative to where configuration is mounted."""
    return {"source": f"{SOURCES}/{source}", "dest": dest, **other}
