"""What can be told about hosts from what is known already: names, kernels, interfaces, networks, clocks,
images."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from typing import Any

from kolla.catalogue.model import ServiceFolder
from kolla.errors import did_you_mean
from kolla.settings import Settings
from kolla.state import adoption
from kolla.state.desired import Desired, grouped
from kolla.state.facts import HostFacts, Interface
from kolla.state.host_state import HostState
from kolla.state.needs import Requirement
from kolla.state.topology import engine_name

Finding = dict[str, Any]
"""host, check, subject, ok, warning, message, hint: as the hosts' own."""

CLOCK_TOLERANCE = 2.0
"""Seconds; tokens that were issued a moment from now are refused."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def findings(
    desired: Desired,
    facts: Mapping[str, HostFacts],
    states: Mapping[str, HostState],
) -> list[Finding]:
    """Findings about the hosts asked (`states`), besides those each host tells itself."""
    reserved = {address for container in desired.containers for address, _ in container.sockets}
    asked = [requirement for requirement in desired.requirements if requirement.host in states]
    return [
        *_hostnames(desired.requirements, facts, states),
        *_kernels(desired, facts, states),
        *adoption.findings(desired, states),
        *_images(desired, states),
        *(
            _interface(requirement, name, facts[requirement.host], reserved)
            for requirement in asked
            for name in requirement.interfaces
        ),
        *(
            warning
            for requirement in asked
            for warning in _packet_sizes(requirement, facts[requirement.host].interfaces)
        ),
        *_networks(asked, facts, reserved),
        *(
            _bridge(requirement, name, facts[requirement.host].interfaces[name])
            for requirement in asked
            for name in requirement.bridges
            if name in facts[requirement.host].interfaces
        ),
    ]


def limits(settings: Settings, hosts: Collection[str]) -> list[Finding]:
    """Warnings of what services do not do on these hosts, though they are in their groups."""
    return [
        _warning(host, "limit", service, sentence)
        for host in hosts
        for service, sentence in settings.limits(host)
    ]


def quorums(services: Iterable[ServiceFolder], desired: Desired, hosts: Collection[str]) -> Iterator[Finding]:
    """Warnings of clusters whose number of members is even: each of them asks for one more that is well than
    there would have to be without it."""
    names = {n: c for folder in services for n, c in folder.service.containers.items() if c.quorum}
    for name in names:
        members = [each.host for each in desired.containers_called(engine_name(name)) if each.name == name]
        if not members or len(members) % 2 or members[0] not in hosts:
            continue
        may_go = (len(members) - 1) // 2
        message = (
            f"{len(members)} hosts run it, and the cluster goes on while more than half of them do: it bears "
            f"the loss of {may_go}, as with {len(members) - 1}"
        )
        hint = f"have {len(members) - 1} or {len(members) + 1} hosts in its group"
        yield _warning(members[0], "quorum", name, message, hint)


def clocks(before: float, told: Mapping[str, tuple[float, float]], after: float) -> Iterator[Finding]:
    """Findings about hosts' clocks: `told` is what each showed when it began and when it ended to answer what
    was asked after `before` and answered before `after`, by the clock of this machine (seconds).

    What a clock is wrong by may be more, by as long as question or answer were on their way; never less.
    """
    for host, (began, ended) in told.items():
        wrong, how = max((before - began, "behind"), (ended - after, "ahead of"))
        problem = f"at least {wrong:.0f} s {how} that of the machine kolla runs on"
        hint = "have both ask the same time servers: chronyc tracking, timedatectl"
        fine = "not seen to differ from that of the machine kolla runs on"
        yield _finding(host, "clock", "time", problem if wrong >= CLOCK_TOLERANCE else None, fine, hint)


def _images(desired: Desired, states: Mapping[str, HostState]) -> Iterator[Finding]:
    """Warnings of images that a host lacks and would look for in vain, unless somebody brings them."""
    for host, state in states.items():
        images = {c.image.name: c.image for c in desired.containers_on(host)}
        lacking = [n for n, i in images.items() if i.id not in state.images and i.digest is None]
        if lacking:
            message = f"this host does not have {', '.join(sorted(lacking))}, which no registry was given"
            yield _warning(host, "images", f"{len(lacking)} of {len(images)}", message, "run: kolla push")


def _warning(host: str, check: str, subject: str, message: str, hint: str = "") -> Finding:
    return {**_finding(host, check, subject, None, message), "warning": True, "hint": hint}


def _finding(host: str, check: str, subject: str, problem: str | None, fine: str, hint: str = "") -> Finding:
    ok = problem is None
    return {
        "host": host,
        "check": check,
        "subject": subject,
        "ok": ok,
        "warning": False,
        "message": fine if ok else problem,
        "hint": "" if ok else hint,
    }


def _hostnames(
    requirements: Collection[Requirement], facts: Mapping[str, HostFacts], hosts: Collection[str]
) -> Iterator[Finding]:
    """Short names that two hosts have, of those whose services are known by them."""
    needing = sorted({requirement.host for requirement in requirements if requirement.hostname})
    names = {host: facts[host].hostname.partition(".")[0] for host in needing if host in facts}
    called = grouped(names, lambda host: names[host])
    for host, name in names.items():
        if host in hosts:
            others = [other for other in called[name] if other != host]
            problem = f"host {', '.join(others)} calls itself '{name}', too" if others else None
            hint = f"give them different names: hostnamectl set-hostname {host}"
            yield _finding(host, "hostname", name, problem, "no other host is called so", hint)


def _kernels(
    desired: Desired, facts: Mapping[str, HostFacts], states: Mapping[str, HostState]
) -> Iterator[Finding]:
    """Modules and sysctls that services cannot do without."""
    for (host, service), needs in sorted(desired.host_needs.items()):
        if host not in states:
            continue
        missing = [module for module in needs.modules if module not in facts[host].kernel_modules]
        for module in needs.modules:
            problem = f"service '{service}' needs it, and this kernel does not have it"
            hint = "install the kernel's other modules, or boot a kernel that has it"
            lacking = problem if module in missing else None
            yield _finding(host, "kernel module", module, lacking, f"there, for service '{service}'", hint)
        unloaded = set(needs.modules) - set(states[host].resources.modules)
        for name in needs.sysctls:
            there = name in states[host].resources.sysctls or unloaded  # which may bring it
            problem = f"service '{service}' sets it, and this kernel does not have it"
            yield _finding(
                host, "sysctl", name, None if there else problem, f"there, for service '{service}'"
            )


def _interface(requirement: Requirement, name: str, facts: HostFacts, reserved: Set[str]) -> Finding:
    """Whether an interface is there and free to be a service's own."""
    problem, hint = None, "name another one, which nothing else needs"
    found = facts.interfaces.get(name)
    if found is None:
        problem = f"'{requirement.name}' needs it, and it is not there"
        hint = did_you_mean(name, facts.interfaces) or f"there are {', '.join(sorted(facts.interfaces))}"
    elif name in requirement.bridges:
        pass
    elif name == facts.default_interface:
        problem = f"this host's default route goes through it: '{requirement.name}' would cut the host off"
    elif own := sorted(reserved & {*found.addresses, *found.addresses6}):
        problem = f"the cloud itself uses its address {own[0]}; '{requirement.name}' needs it for itself"
    elif found.master is not None and found.master not in requirement.bridges:
        problem = f"it is part of '{found.master}' already; '{requirement.name}' needs it for itself"
        hint = f"name another one, or take it out: ip link set {name} nomaster"
    elif has := (*found.addresses, *found.addresses6):
        problem = (
            f"it has the address {has[0]}, which would be cut off; '{requirement.name}' needs it for itself"
        )
        hint = f"name another one, or take its addresses away, at boot as well: ip address flush dev {name}"
    elif not found.up:
        problem = f"it is switched off; nothing would pass it for '{requirement.name}'"
        hint = f"switch it on, at boot as well: ip link set {name} up"
    return _finding(
        requirement.host, "interface", name, problem, f"there and free for '{requirement.name}'", hint
    )


def _packet_sizes(requirement: Requirement, interfaces: Mapping[str, Interface]) -> Iterator[Finding]:
    """Warnings of interfaces that are known to carry less than they are to."""
    for size in requirement.packet_sizes:
        mtu = interfaces.get(size.interface, Interface()).mtu
        if mtu is not None and mtu < size.mtu:
            message = (
                f"its MTU is {mtu}, and '{requirement.name}' sends packets of up to {size.mtu} bytes through "
                "it: larger ones are lost"
            )
            hint = f"raise it, at boot as well: ip link set {size.interface} mtu {size.mtu}"
            hint += f"; or set {size.setting} to {mtu}" if size.setting else ""
            yield _warning(requirement.host, "mtu", size.interface, message, hint)


def _bridge(requirement: Requirement, name: str, found: Interface) -> Finding:
    """Whether what has the name of a service's bridge already can be that: to the kernel, those are plain."""
    problem = (
        f"it is a {found.kind} of the kernel's already; '{requirement.name}' makes one of this name itself"
    )
    hint = f"name another one, or remove it: ip link delete {name}"
    return _finding(
        requirement.host, "bridge", name, problem if found.kind else None, f"for '{requirement.name}'", hint
    )


def _networks(
    requirements: Collection[Requirement], facts: Mapping[str, HostFacts], reserved: Collection[str]
) -> Iterator[Finding]:
    """Networks that overlap what the host has, or each other."""
    for host, own in sorted(grouped(requirements, lambda requirement: requirement.host).items()):
        before: dict[Network, str] = {}
        for text, requirement in ((text, r) for r in own for text in r.networks):
            network = _network(text)
            if network is None:
                problem: str | None = f"'{requirement.name}' needs a network, and this is none"
                yield _finding(host, "network", text, problem, "", "write it like 10.0.2.0/24")
                continue
            problem = _overlap(network, requirement, facts[host], reserved) or next(
                (
                    f"it overlaps {other}, which '{name}' needs"
                    for other, name in before.items()
                    if other != network and _overlaps(network, other)
                ),
                None,
            )
            before[network] = requirement.name
            setting = requirement.network_settings.get(text)
            another = "another range, which nothing on this host leads to"
            hint = f"set {setting}, and what belongs to it, to {another}" if setting else f"choose {another}"
            yield _finding(host, "network", str(network), problem, f"free for '{requirement.name}'", hint)


def _overlap(
    network: Network, requirement: Requirement, facts: HostFacts, reserved: Collection[str]
) -> str | None:
    """What of the host a network overlaps, as a sentence."""
    for name, interface in facts.interfaces.items():
        for text in interface.networks if name not in requirement.bridges else ():
            if _overlaps(network, ipaddress.ip_network(text)):
                return f"it overlaps {text}, which interface '{name}' leads to"
    for text in reserved:
        if ipaddress.ip_address(text) in network:
            return f"the cloud's own address {text} is in it"
    return None


def _overlaps(one: Network, other: Network) -> bool:
    """Of two networks that have an address in common, one is inside the other."""
    return one.network_address in other or other.network_address in one


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
