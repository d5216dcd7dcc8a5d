"""What is true of a host whatever we do to it. Gathered with the host state, cached between runs."""

from __future__ import annotations

from kolla.catalogue.model import Model
from kolla.errors import InputError, did_you_mean


class Interface(Model):
    """A network interface."""

    addresses: tuple[str, ...] = ()
    """IPv4 addresses without prefix length, in the kernel's order."""
    addresses6: tuple[str, ...] = ()
    """Global IPv6 addresses."""
    networks: tuple[str, ...] = ()
    """Networks (`10.0.0.0/24`) of its addresses, and those routes lead to through it; no default route."""
    up: bool = True
    """Whether it is switched on."""
    master: str | None = None
    """The bridge or bond of the kernel's that it is part of."""
    kind: str = ""
    """What the kernel calls it (`bridge`, `bond`, `vlan`); empty for cards, taps, ports of Open vSwitch."""


class HostFacts(Model):
    """Addresses, distribution, sizes."""

    hostname: str
    distribution: str
    """`ID` of os-release(5): debian, ubuntu, rocky, ..."""
    distribution_version: str
    """`VERSION_ID` of os-release(5)."""
    architecture: str
    """As `uname -m` says."""
    cores: int
    memory: int
    """Bytes."""
    interfaces: dict[str, Interface]
    default_interface: str | None = None
    """The interface of the default route."""
    kernel_modules: tuple[str, ...] = ()
    """Of the kernel modules the catalogue mentions, those this kernel has: loaded, built in or loadable."""

    def address(self, interface: str, family: str = "ipv4") -> str:
        """First address of `interface`; InputError when it is missing or has none."""
        found = self.interfaces.get(interface)
        if found is None:
            raise InputError(
                f"host {self.hostname} has no interface '{interface}'",
                expected=f"one of {', '.join(sorted(self.interfaces))}",
                hint=did_you_mean(interface, self.interfaces),
            )
        addresses = found.addresses if family == "ipv4" else found.addresses6
        if not addresses:
            raise InputError(f"interface '{interface}' of host {self.hostname} has no {family} address")
        return addresses[0]
