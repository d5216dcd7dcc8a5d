"""The inventory as data: hosts, groups and variables, as `ansible-inventory --list` tells them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kolla.catalogue.catalogue import USUAL_GROUPS

ALL_IN_ONE = Path(__file__).with_name("all-in-one")
"""The inventory that is used when none is given."""


@dataclass(frozen=True)
class Inventory:
    """Every host of the cloud; a `--limit` does not show here."""

    hosts: tuple[str, ...]
    """As first listed: by the usual groups, then by the others."""
    groups: Mapping[str, tuple[str, ...]]
    """Group -> its hosts, those of its children included."""
    host_vars: Mapping[str, Mapping[str, Any]]
    """Host -> variables, group variables merged in by Ansible's rules."""
    sources: tuple[str, ...]
    """What was given with `-i`."""

    @classmethod
    def parse(cls, listing: Mapping[str, Any], sources: Sequence[str] = ()) -> Inventory:
        """Make an inventory of the JSON document `ansible-inventory --list` prints."""
        raw = {name: group for name, group in listing.items() if name != "_meta"}
        # Ansible leaves empty groups out, but for their names among the children of others.
        names = [*raw, *(child for group in raw.values() for child in group.get("children", ()))]
        groups = {name: _hosts(raw, name) for name in dict.fromkeys(names)}
        order = [*USUAL_GROUPS, *groups]
        hosts = tuple(dict.fromkeys(host for name in order for host in groups.get(name, ())))
        variables = listing.get("_meta", {}).get("hostvars", {})
        return cls(hosts, groups, {host: variables.get(host, {}) for host in hosts}, tuple(sources))

    def without(self, hosts: Collection[str]) -> Inventory:
        """The inventory as it would be had these never been in it; groups stay, though they be empty."""
        if not hosts:
            return self
        groups = {name: tuple(h for h in of if h not in hosts) for name, of in self.groups.items()}
        left = tuple(host for host in self.hosts if host not in hosts)
        return replace(self, hosts=left, groups=groups, host_vars={h: self.host_vars[h] for h in left})


def _hosts(groups: Mapping[str, Any], name: str) -> tuple[str, ...]:
    group = groups.get(name, {})
    hosts = dict.fromkeys(group.get("hosts", ()))
    for child in group.get("children", ()):
        hosts |= dict.fromkeys(_hosts(groups, child))
    return tuple(hosts)
