"""Which address a host has in a network of the cloud: the first of its interface there, of the family there.

A network is its settings: of `tunnel`, `tunnel_interface`, `tunnel_address_family` and `tunnel_address`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kolla.errors import InputError, InputErrors, did_you_mean
from kolla.state.facts import HostFacts, Interface

MOST_ROUNDS = 50

STAND_INS = {"ipv4": ipaddress.ip_address("198.18.0.1"), "ipv6": ipaddress.ip_address("2001:db8::1")}
"""Addresses that nobody has (RFC 2544, RFC 3849)."""

Finding = dict[str, Any]
"""As prechecks have them: host, check, subject, ok, warning, message, hint."""


class NoAddressError(InputError):
    """A host has no address in a network of the cloud."""

    def __init__(self, host: str, interface: str, family: str, what: str, hint: str) -> None:
        super().__init__(what, hint=hint)
        self.host = host
        """Name in the inventory."""
        self.interface = interface
        self.family = family


def place(scope: Mapping[str, object], network: str) -> tuple[str, str]:
    """The interface that leads to a network, and the family of addresses in it, as settings say."""
    return str(scope[f"{network}_interface"]), str(scope[f"{network}_address_family"])


def first_address(
    facts: HostFacts | None,
    host: str,
    scope: Mapping[str, object],
    network: str,
    moving: Collection[str] = (),
) -> str:
    """The address of a host in a network: the first that is none of those that move between hosts, which the
    kernel puts before or behind the host's own. NoAddressError when there is none."""
    if facts is None:
        raise InputError(
            f"nothing is known about host '{host}' yet",
            hint="run a verb that asks it first (kolla plan), "
            f"or set {network}_address for it in the inventory",
        )
    interface, family = place(scope, network)
    found = facts.interfaces.get(interface)
    if found is None:
        there = ", ".join(sorted(facts.interfaces))
        what = f"host {facts.hostname} has no interface '{interface}', as {network}_interface says"
        hint = did_you_mean(interface, facts.interfaces) or f"it has {there}"
        raise NoAddressError(host, interface, family, what, hint)
    addresses = found.of_family(family)
    if not addresses:
        what = (
            f"interface '{interface}' of host {facts.hostname} has no {family} address, which it needs by "
            f"{network}_interface and {network}_address_family"
        )
        hint = f"give it one (ip address add), or set {network}_interface or {network}_address_family"
        raise NoAddressError(host, interface, family, what, hint)
    return next((address for address in addresses if address not in moving), addresses[0])


def findings(
    derive: Callable[[Mapping[str, HostFacts]], object], facts: Mapping[str, HostFacts]
) -> list[Finding]:
    """What hosts lack of what a function of their facts needs: it is tried again and again, each time with an
    address that nobody has in the place of one that is missing."""
    found: dict[str, Finding] = {}
    facts = dict(facts)
    for _ in range(MOST_ROUNDS):
        try:
            derive(facts)
        except InputError as error:
            if not lacking(error):
                break  # what is wrong besides is told once hosts have their addresses
            for each in lacking(error):
                facts[each.host] = _with_stand_in(facts[each.host], each, len(found))
                found[each.what] = _finding(each)
        else:
            break
    return list(found.values())


def lacking(error: InputError) -> list[NoAddressError]:
    """The addresses that are missing, of what an error tells."""
    several = error.errors if isinstance(error, InputErrors) else (error,)
    return [each for each in several if isinstance(each, NoAddressError)]


def _with_stand_in(facts: HostFacts, missing: NoAddressError, number: int) -> HostFacts:
    interface = facts.interfaces.get(missing.interface, Interface())
    field = "addresses6" if missing.family == "ipv6" else "addresses"
    changed = interface.model_copy(update={field: (str(STAND_INS[missing.family] + number),)})
    return facts.model_copy(update={"interfaces": {**facts.interfaces, missing.interface: changed}})


def _finding(missing: NoAddressError) -> Finding:
    return {
        "host": missing.host,
        "check": "address",
        "subject": f"{missing.interface} ({missing.family})",
        "ok": False,
        "warning": False,
        "message": missing.what,
        "hint": f"{missing.hint}; until then nothing else is looked at",
    }
