"""The kernel of this host: its modules and its sysctls."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

from . import commands
from .errors import OperationFailed, Refusal

LOADED = Path("/sys/module")
MODULES = Path("/lib/modules")
SYSCTLS = Path("/proc/sys")


def module_name(name: str) -> str:
    """A module's name as the kernel writes it: `br-netfilter` and `br_netfilter` are one module."""
    return name.replace("-", "_")


def is_loaded(name: str) -> bool:
    """Whether a module is loaded or built in."""
    return (LOADED / module_name(name)).is_dir() or module_name(name) in _listed("modules.builtin")


def available(names: Iterable[str]) -> list[str]:
    """Those of `names` that this kernel has: loaded, built in, or there to be loaded."""
    loadable = _listed("modules.dep")
    return [name for name in names if is_loaded(name) or module_name(name) in loadable]


def _listed(index: str) -> set[str]:
    """Modules named in an index that came with the kernel (depmod(8)); none without one."""
    path = MODULES / platform.release() / index
    if not path.is_file():
        return set()
    paths = (line.partition(":")[0] for line in path.read_text().splitlines())
    return {module_name(path.rpartition("/")[2].partition(".")[0]) for path in paths}


def load(name: str) -> None:
    """Load a module; OperationFailed when it is not loaded afterwards."""
    try:
        commands.run("modprobe", name)
    except Refusal as refusal:
        raise OperationFailed(
            f"kernel module '{name}' cannot be loaded: {refusal}", refusal.details.get("log")
        ) from None
    if not is_loaded(name):
        raise OperationFailed(f"kernel module '{name}' is not loaded after modprobe")


def sysctl(name: str) -> str | None:
    """The value of a sysctl, its words one space apart; None when this kernel has no such one."""
    try:
        return normal(_path(name).read_text())
    except OSError:
        return None


def set_sysctl(name: str, value: str) -> None:
    """Set a sysctl; OperationFailed when the kernel has none of that name or keeps another value."""
    try:
        _path(name).write_text(value + "\n")
    except OSError as error:
        what = "this kernel has none of that name" if isinstance(error, FileNotFoundError) else error.strerror
        raise OperationFailed(f"sysctl {name} cannot be set to '{value}': {what}") from None
    if sysctl(name) != normal(value):
        raise OperationFailed(f"sysctl {name} was set to '{value}' and is '{sysctl(name)}'")


def normal(value: str) -> str:
    """A value without the difference between tabs and spaces."""
    return " ".join(value.split())


def _path(name: str) -> Path:
    """`net.ipv4.conf.eth0/100.forwarding` -> its file (sysctl.d(5): a slash stands for a dot of a name)."""
    return SYSCTLS / "/".join(part.replace("/", ".") for part in name.split("."))
