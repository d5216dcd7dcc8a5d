"""The other tool's configuration directory read, and ours written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from kolla import yamlfile
from kolla.adopt import groups
from kolla.errors import InputError, Location
from kolla.secret import Secret
from kolla.settings import passwords
from kolla.settings.inventory import Inventory
from kolla.yamlfile import Document

REPORT = "adoption.txt"
VARIABLES = ("group_vars", "host_vars")
"""Directories that Ansible looks for beside an inventory."""


def documents(source: Path) -> list[Document]:
    """globals.yml and the files of globals.d, in the order they are read. InputError without the first."""
    if not (source / "globals.yml").exists():
        raise InputError(
            "there is no globals.yml",
            where=Location(source),
            expected="the configuration directory of kolla-ansible, usually /etc/kolla",
        )
    more = sorted(p for p in (source / "globals.d").glob("*") if p.suffix in (".yml", ".yaml", ".json"))
    found = [yamlfile.load(path) for path in (source / "globals.yml", *more)]
    for document in found:
        if document.data is not None and not isinstance(document.data, dict):
            raise InputError("this is not a mapping", where=document.where(), expected="key: value")
    return found


def secrets(source: Path) -> dict[str, Secret]:
    """passwords.yml. InputError when there is none, or when it is encrypted."""
    if not (source / passwords.FILE).exists():
        raise InputError(
            "there is no such file",
            where=Location(source / passwords.FILE),
            hint="nothing can be taken over without the secrets it was made with",
        )
    return passwords.load(source)


def check_target(source: Path, target: Path) -> None:
    """InputError unless the target is another directory, with no configuration in it."""
    if target.resolve() == source.resolve():
        raise InputError(
            "this is the directory that is read, and nothing is ever written over it",
            where=Location(target),
            hint="name another for Kolla: kolla --configdir /etc/kolla-new adopt DIRECTORY",
        )
    taken = [
        name for name in ("globals.yml", passwords.FILE, "inventory", "config") if (target / name).exists()
    ]
    if taken:
        raise InputError(
            "there is a configuration already",
            where=Location(target / taken[0]),
            hint="name another directory",
        )


def copy_inventory(sources: Sequence[str], target: Path) -> None:
    """Copy inventory files, directories, and the variables beside them, into `target`/inventory."""
    directory = target / "inventory"
    directory.mkdir(parents=True)
    for source in map(Path, sources):
        if source.is_dir():
            shutil.copytree(source, directory, dirs_exist_ok=True)
            continue
        shutil.copy2(source, directory / source.name)
        for name in VARIABLES:
            if (source.parent / name).is_dir():
                shutil.copytree(source.parent / name, directory / name, dirs_exist_ok=True)


def add_groups(text: str, target: Path) -> None:
    """Write what our services need besides, beside the copied inventory."""
    if text:
        (target / "inventory" / groups.FILE).write_text(
            f"# Written by `kolla adopt`: groups of Kolla's that the inventory does not have.\n\n{text}"
        )


def check_sources(sources: Sequence[str]) -> None:
    """InputError for what cannot be copied."""
    for source in sources:
        if "," in source or not Path(source).exists():
            raise InputError(f"'{source}' is no inventory file or directory", expected="-i FILE")


def inventory_location(inventory: Inventory) -> Location:
    """Where findings about groups are."""
    return Location(Path(inventory.sources[0]))
