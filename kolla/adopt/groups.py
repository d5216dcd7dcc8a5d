"""The other tool's inventory for our services: the same groups, and a few names more."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.adopt.finding import Finding
from kolla.adopt.mapping import Groups
from kolla.errors import Location
from kolla.settings.inventory import Inventory

FILE = "zz-kolla"
"""Read after the others of its directory: a group must be known before it is named as a child."""


def text(inventory: Inventory, mapping: Groups) -> str:
    """An inventory file that gives our services the hosts of theirs; empty when there is nothing to say."""
    return "\n".join(
        f"[{ours}:children]\n{theirs}\n"
        for ours, theirs in mapping.children.items()
        if ours not in inventory.groups and theirs in inventory.groups
    )


def findings(inventory: Inventory, mapping: Groups, where: Location) -> Iterator[Finding]:
    """Groups with more hosts than we can serve yet."""
    for group, why in mapping.alone.items():
        hosts = inventory.groups.get(group, ())
        if len(hosts) > 1:
            instead = "leave one host in it, after having taken the others out of the cluster with that tool"
            yield Finding(f"group {group}", where, f"{len(hosts)} hosts; {why}", instead, must=True)
