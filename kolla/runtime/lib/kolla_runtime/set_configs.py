"""`kolla_set_configs [--check]`: place a container's configuration, or tell whether it has changed.

Exit status: 0 done, or unchanged; 1 a fault of placing, or changed; 2 anything else. Deployers in the
field rely on these numbers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .configuration import Configuration, load
from .drift import drift
from .errors import RuntimeFault
from .place import place
from .tree import at

FOLDER = "/var/lib/kolla/config_files"
CONFIGURED = "/configured"


def main(
    arguments: Sequence[str], root: Path = Path("/"), environment: Mapping[str, str] = os.environ
) -> int:
    """Run with command line `arguments` on the container whose root directory is `root`.

    Returns the exit status. KOLLA_CONFIG_STRATEGY (COPY_ALWAYS, the default, or COPY_ONCE) is read from
    `environment`.
    """
    if list(arguments) not in ([], ["--check"]):
        print("usage: kolla_set_configs [--check]", file=sys.stderr)
        return 2
    try:
        configuration = load(at(root, FOLDER))
        return _check(configuration, root) if arguments else _place(configuration, root, environment)
    except RuntimeFault as fault:
        print(f"kolla_set_configs: {fault}", file=sys.stderr)
        return fault.exit_code
    except OSError as error:
        print(f"kolla_set_configs: {error}", file=sys.stderr)
        return 2


def _check(configuration: Configuration, root: Path) -> int:
    differences = list(drift(configuration, root))
    for difference in differences:
        print(f"kolla_set_configs: {difference}")
    return 1 if differences else 0


def _place(configuration: Configuration, root: Path, environment: Mapping[str, str]) -> int:
    strategy = environment.get("KOLLA_CONFIG_STRATEGY", "COPY_ALWAYS")
    if strategy not in ("COPY_ALWAYS", "COPY_ONCE"):
        raise RuntimeFault(f"KOLLA_CONFIG_STRATEGY must be COPY_ALWAYS or COPY_ONCE, not '{strategy}'")
    marker = at(root, CONFIGURED)
    if strategy == "COPY_ONCE" and marker.exists():
        print("kolla_set_configs: configured before, and the strategy is COPY_ONCE: nothing to do")
        return 0
    place(configuration, root)
    if strategy == "COPY_ONCE":
        marker.touch()
    return 0
