"""The operator's certificate authorities, in the trust bundle of the image's distribution."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import defaults
from .errors import RuntimeFault
from .tree import at

SOURCE = "/var/lib/kolla/config_files/ca-certificates"
SHARED_SOURCE = "/var/lib/kolla/share/ca-certificates"
PENDING = "/etc/kolla/ca-certificates.pending"
PREFIX = "kolla-customca-"


@dataclass(frozen=True)
class TrustStore:
    """Where a family of distributions takes extra authorities from, and how it makes its bundle."""

    anchors: str
    command: tuple[str, ...]


STORES = (
    TrustStore("/usr/local/share/ca-certificates", ("/usr/sbin/update-ca-certificates",)),
    TrustStore("/etc/pki/ca-trust/source/anchors", ("/usr/bin/update-ca-trust", "extract")),
)


def update(root: Path = Path("/")) -> bool:
    """Make the bundle trust exactly the authorities the configuration brings; returns whether it changed.

    Only files named by us are ever touched. Nothing happens, not even to the file system, when the
    anchors are as they should be. Raises RuntimeFault when the bundle cannot be made.
    """
    wanted = _wanted(root)
    store = next((store for store in STORES if at(root, store.command[0]).exists()), None)
    if store is None:
        if wanted:
            raise RuntimeFault("this image has no tool to update its certificate authorities")
        return False
    anchors = at(root, store.anchors)
    current = {path.name: path.read_bytes() for path in sorted(anchors.glob(PREFIX + "*"))}
    pending = at(root, PENDING)
    if current == wanted and not pending.exists():
        return False
    # Killed before the bundle is made, the next start makes it although the anchors are right.
    pending.parent.mkdir(parents=True, exist_ok=True)
    pending.touch()
    _write(anchors, current, wanted)
    result = subprocess.run(
        [str(at(root, store.command[0])), *store.command[1:]], capture_output=True, text=True
    )
    if result.returncode != 0:
        raise RuntimeFault(f"{store.command[0]} failed: {' '.join(result.stderr.split())}")
    pending.unlink()
    return True


def _wanted(root: Path) -> dict[str, bytes]:
    shared = any(dest.startswith(SHARED_SOURCE) for dest in defaults.placed(root))
    folder = at(root, SHARED_SOURCE if shared else SOURCE)
    if not folder.is_dir():
        return {}
    # Debian takes only names that end in .crt; the other family does not mind.
    return {
        f"{PREFIX}{path.stem}.crt": path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix in (".crt", ".pem")
    }


def _write(anchors: Path, current: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> None:
    anchors.mkdir(parents=True, exist_ok=True)
    for name in current.keys() - wanted.keys():
        (anchors / name).unlink()
    for name, content in wanted.items():
        (anchors / name).write_bytes(content)
        (anchors / name).chmod(0o644)
