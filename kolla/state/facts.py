"""What is true of a host whatever we do to it. Gathered with the host state, cached between runs."""

from __future__ import annotations

from kolla.catalogue.model import Model


class Interface(Model):
    """A network interface."""

    addresses: tuple[str, ...] = ()
    """IPv4 addresses without prefix length, in the kernel's order."""
    addresses6: tuple[str, ...] = ()
    """Global IPv6 addresses, those that are to stay first."""
    networks: tuple[str, ...] = ()
    """Networks (`10.0.0.0/24`) of its addresses, and those routes lead to through it; no default route."""
    up: bool = True
    """Whether it is switched on."""
    master: str | None = None
    """The bridge or bond of the kernel's that it is part of."""
    mtu: int | None = None
    """Bytes of the largest packet it takes; None when it does not say."""
    kind: str = ""
    """What the kernel calls it (`bridge`, `bond`, `vlan`); empty for cards, taps, ports of Open vSwitch."""

    def of_family(self, family: str) -> tuple[str, ...]:
        """Its addresses of `ipv4` or `ipv6`."""
        return self.addresses6 if family == "ipv6" else self.addresses


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
