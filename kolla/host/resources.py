"""What a service needs of the host itself: kernel modules, sysctls, shared mounts, directories, the files
that bring them back after a reboot, and rules of the firewall.

Each service's are one operation and one record of what it was given last. What two services need is taken
back with the last of them; what was there before us stays, and sysctls get the value they had.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from . import directories, files, firewall, kernel, mounts
from .cloud import Cloud
from .context import SKIPPED, Context, Outcome
from .errors import OperationFailed
from .manifest import Manifest
from .shapes import HostOperation, Resources

NONE: Resources = {
    "modules": [],
    "sysctls": {},
    "shared_mounts": [],
    "directories": {},
    "files": {},
    "at_destroy": {},
    "firewall": [],
}

_one_at_a_time = threading.Lock()
"""Two services may need the same mount."""


def perform(operation: HostOperation, context: Context) -> Outcome:
    """Have the resources of a service, and no longer those it had before; with none, forget the service.

    OperationFailed at the first that cannot be had.
    """
    service, wanted = operation["service"], operation["resources"]
    with _one_at_a_time:
        before = given(context.cloud)
        if before.get(service, NONE) == wanted and observe(wanted, context.cloud) == wanted:
            return SKIPPED
        try:
            _give(wanted, context.manifest)
        except OSError as error:
            raise OperationFailed(f"{error.filename}: {error.strerror}") from None
        others = [record for name, record in before.items() if name != service]
        rules = [rule for record in (wanted, *others) for rule in record["firewall"]]
        firewall.ensure(rules, context.engine.name, context.cloud, context.manifest)
        kept = _take_back(before.get(service, NONE), [wanted, *others], context.manifest)
        if wanted == NONE:
            context.cloud.resources_record(service).unlink(missing_ok=True)
        else:
            files.write_json(context.cloud.resources_record(service), wanted)
    return Outcome(message="; ".join(f"kept {each}" for each in kept))


def observe(asked: Resources, cloud: Cloud) -> Resources:
    """What this host has of the resources asked for, in their order: sysctls, directories and files as they
    are, modules that are loaded, mounts that are shared, rules in force; what is for later, as asked."""
    sysctls = ((name, kernel.sysctl(name)) for name in asked["sysctls"])
    directories = ((path, _mode(path)) for path in asked["directories"])
    texts = ((path, _text(path)) for path in asked["files"])
    rules = firewall.loaded(cloud) if asked["firewall"] else []
    return {
        "modules": [name for name in asked["modules"] if kernel.is_loaded(name)],
        "sysctls": {name: value for name, value in sysctls if value is not None},
        "shared_mounts": [path for path in asked["shared_mounts"] if mounts.is_shared(path)],
        "directories": {path: mode for path, mode in directories if mode is not None},
        "files": {path: text for path, text in texts if text is not None},
        "at_destroy": asked["at_destroy"],
        "firewall": [rule for rule in asked["firewall"] if rule in rules],
    }


def _mode(path: str) -> str | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return f"{stat.S_IMODE(status.st_mode):04o}" if stat.S_ISDIR(status.st_mode) else None


def _text(path: str) -> str | None:
    return Path(path).read_text(errors="replace") if Path(path).is_file() else None


def given(cloud: Cloud) -> dict[str, Resources]:
    """Service -> the resources it was given last; what earlier versions did not know of, it was not given."""
    records = sorted(cloud.resources_directory.glob("*.json"))
    return {path.stem: {**NONE, **files.read_json(path)} for path in records}


def _give(wanted: Resources, manifest: Manifest) -> None:
    for name in wanted["modules"]:
        if not kernel.is_loaded(name):
            kernel.load(name)
    for name, value in wanted["sysctls"].items():
        present = kernel.sysctl(name)
        if present != value:
            if present is not None and name not in _previous(manifest):
                manifest.add("sysctls", [f"{name}={present}"])
            kernel.set_sysctl(name, value)
    for path, mode in wanted["directories"].items():
        directories.make(Path(path), manifest)
        if _mode(path) != mode:
            Path(path).chmod(int(mode, 8))
    for path in wanted["shared_mounts"]:
        directories.make(Path(path), manifest)
        if not mounts.is_shared(path):
            mounts.share(path, manifest)
    for path, text in wanted["files"].items():
        if _text(path) != text:
            directories.make(Path(path).parent, manifest)
            manifest.add("files", [path])
            files.write(Path(path), text.encode(), mode=0o644)


def _previous(manifest: Manifest) -> dict[str, str]:
    """Sysctl we changed -> the value it had."""
    return dict(entry.partition("=")[::2] for entry in manifest.entries("sysctls"))


def _take_back(record: Resources, needed: list[Resources], manifest: Manifest) -> list[str]:
    """Undo what a service was given and nobody in `needed` has, as far as it was us who made it.

    Loaded modules stay loaded: others may rely on them by now.
    """
    texts = [path for path in record["files"] if not any(path in other["files"] for other in needed)]
    sysctls = [name for name in record["sysctls"] if not any(name in other["sysctls"] for other in needed)]
    shared = [path for path in record["shared_mounts"] if not _is_needed(path, needed)]
    kept = _undo(texts, sysctls, shared, manifest)
    for path in (*record["directories"], *shared):
        if not _is_needed(path, needed):
            directories.remove(Path(path), manifest)
    return kept


def take_all_back(cloud: Cloud, manifest: Manifest) -> tuple[list[str], list[str]]:
    """Undo whatever any service was given; what was done and what was kept, as sentences. Directories that
    were made are left to whoever removes all of those."""
    changes = ["removed the rules of the firewall"] if firewall.remove(cloud, manifest) else []
    texts, shared = manifest.entries("files"), manifest.entries("mounts")
    previous = _previous(manifest)
    kept = _undo(texts, previous, shared, manifest)
    left = manifest.entries("mounts")
    changes += [f"removed {path}" for path in texts]
    changes += [f"sysctl {name} is {value} again" for name, value in previous.items()]
    return [*changes, *(f"unmounted {path}" for path in shared if path not in left)], kept


def _undo(
    texts: Iterable[str], sysctls: Iterable[str], shared: Iterable[str], manifest: Manifest
) -> list[str]:
    """Undo those that the manifest lists; what stayed and why."""
    for path in set(texts) & set(manifest.entries("files")):
        Path(path).unlink(missing_ok=True)
        manifest.remove("files", [path])
    for name, value in _previous(manifest).items():
        if name in sysctls:
            if kernel.sysctl(name) is not None:
                kernel.set_sysctl(name, value)
            manifest.remove("sysctls", [f"{name}={value}"])
    return [why for why in (mounts.unshare(path, manifest) for path in shared) if why]


def _is_needed(path: str, needed: list[Resources]) -> bool:
    return any(path in other["directories"] or path in other["shared_mounts"] for other in needed)
