"""What another cloud of this machine has built, for a cloud of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

from kolla.places import state_root

ON_ONE_HOST = "kolla"
"""The cloud of `make cloud` on one host."""
NOT_OF_BUILDS = ("made.json", "facts.json", "revisions", "logs", "ansible.log", "build.lock", "checked.json")
"""In the directory of a deployment, what is of that cloud and not of its images."""


def take_over(other: Path, own: Path) -> None:
    """Begin with build report and locks of the deployment `other`: its images need not be built again.

    Trees of base images that somebody builds there just now are left out: their /proc has no end.
    """
    trees = [path.name for path in other.glob("base-*") if path.is_dir()]
    shutil.copytree(other, own, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_OF_BUILDS, *trees))


def take_over_usual(own: Path) -> None:
    """The same of the cloud of `make cloud` on one host, if there is one."""
    other = state_root() / ON_ONE_HOST
    if other.exists():
        take_over(other, own)
