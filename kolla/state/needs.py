"""What services require of their hosts, from the `requires:` words of their `service.yml`.

It is only looked at, by prechecks; what is made is in `host_needs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kolla.catalogue.model import Requirements, ServiceFolder
from kolla.errors import InputError
from kolla.settings.expressions import evaluate
from kolla.state import volume_names
from kolla.state.render import Renderer
from kolla.state.topology import Topology

VIRTUALIZATION = ("kvm", "qemu")

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class VirtualRouter:
    """A number that hosts agree under who has virtual addresses (VRRP)."""

    interface: str
    number: int
    setting: str
    """The setting that says which, for messages."""


@dataclass(frozen=True)
class PacketSize:
    """What an interface must carry."""

    interface: str
    mtu: int
    setting: str
    """The setting that says so, for messages; empty when it is no single one."""


@dataclass(frozen=True)
class Requirement:
    """What a service or a container requires of one host, every expression evaluated."""

    host: str
    name: str
    """Of the container, or of the service."""
    memory: int
    """MiB."""
    disk: Mapping[str, int]
    """Path of the host, or name of a volume -> MiB."""
    devices: tuple[str, ...]
    sockets: tuple[str, ...]
    virtualization: str
    virtualization_setting: str
    """The setting that says which, for messages; empty when it is no single one."""
    interfaces: tuple[str, ...]
    networks: tuple[str, ...]
    network_settings: Mapping[str, str]
    """Network -> the setting that says which, for messages; without those that are no single setting's."""
    bridges: tuple[str, ...]
    virtual_addresses: tuple[str, ...]
    virtual_routers: tuple[VirtualRouter, ...]
    packet_sizes: tuple[PacketSize, ...]
    hostname: bool


def requirements(
    topology: Topology, renderer: Callable[[ServiceFolder, str, str], Renderer]
) -> Iterator[Requirement]:
    """What every enabled service and each of its containers require, host by host."""
    for folder in topology.settings.services:
        service = folder.service
        if service.requires != Requirements():
            for host in sorted(topology.hosts_of_service(folder)):
                yield _requirement(service.name, service.requires, (), renderer(folder, host, ""))
        for name, container in service.containers.items():
            if container.requires != Requirements() or container.devices:
                for host in topology.hosts_of(folder, name):
                    on = renderer(folder, host, name)
                    yield _requirement(name, container.requires, container.devices, on)


def _requirement(name: str, asked: Requirements, devices: tuple[str, ...], on: Renderer) -> Requirement:
    settings = {text: _setting(each) for each in asked.networks for text in _texts((each,), on)}
    return Requirement(
        host=on.host,
        name=name,
        memory=_amount(asked.memory, on),
        disk={
            volume_names.place(on.settings, place): _amount(amount, on)
            for place, amount in asked.disk.items()
        },
        devices=_texts((*devices, *asked.devices), on),
        sockets=_texts(asked.sockets, on),
        virtualization=_virtualization(asked.virtualization, on),
        virtualization_setting=_setting(asked.virtualization),
        interfaces=_texts(asked.interfaces, on),
        networks=_texts(asked.networks, on),
        network_settings={text: setting for text, setting in settings.items() if setting},
        bridges=_texts(asked.bridges, on),
        virtual_addresses=_texts(asked.virtual_addresses, on),
        virtual_routers=tuple(
            VirtualRouter(on.text(interface), _router(number, on), _setting(number) or number)
            for interface, number in asked.virtual_routers.items()
        ),
        packet_sizes=tuple(
            size for interfaces, sizes in asked.mtu.items() for size in _packet_sizes(interfaces, sizes, on)
        ),
        hostname=asked.hostname,
    )


def _setting(expression: str) -> str:
    """The setting that an expression is; empty for any other expression."""
    found = _VARIABLE.fullmatch(expression)
    return found[1] if found else ""


def _texts(expressions: tuple[str, ...], on: Renderer) -> tuple[str, ...]:
    """What the expressions name: each one thing, several with commas between them, or nothing."""
    texts = (text.strip() for expression in expressions for text in on.text(expression).split(","))
    return tuple(text for text in texts if text)


def _virtualization(asked: str, on: Renderer) -> str:
    kind = on.text(asked)
    if kind not in ("", *VIRTUALIZATION):
        where = on.settings.catalogue.find(on.folder.name, asked)
        expected = f"one of {', '.join(VIRTUALIZATION)}"
        raise InputError(f"'{kind}' is no virtualization", where=where, expected=expected)
    return kind


def _amount(asked: int | str, on: Renderer) -> int:
    """MiB. InputError for what is no whole number."""
    if isinstance(asked, int):
        return asked
    where = on.settings.catalogue.find(on.folder.name, asked)
    value = evaluate(on.text(asked), {}, where)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"'{value}' is no amount", where=where, expected="a whole number of MiB")
    return value


def _router(asked: str, on: Renderer) -> int:
    """InputError for what is no number of a virtual router."""
    text = on.text(asked)
    if not text.isdecimal() or not 1 <= int(text) <= 255:
        where = on.settings.catalogue.find(on.folder.name, asked)
        raise InputError(f"'{text}' is no virtual router", where=where, expected="a number from 1 to 255")
    return int(text)


def _packet_sizes(interfaces: str, sizes: str, on: Renderer) -> Iterator[PacketSize]:
    """Of every interface that there is, in its place; InputError for what is no MTU."""
    names, numbers = (on.text(each).split(",") for each in (interfaces, sizes))
    for name, number in zip(map(str.strip, names), map(str.strip, numbers), strict=False):
        if name and not number.isdecimal():
            where = on.settings.catalogue.find(on.folder.name, sizes)
            raise InputError(f"'{number}' is no MTU", where=where, expected="a number of bytes")
        if name:
            yield PacketSize(name, int(number), _setting(sizes))
