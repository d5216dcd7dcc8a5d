"""What a service wants of hosts."""

from __future__ import annotations

from kolla.catalogue.model.job import Job
from kolla.catalogue.model.words import (
    Absolute,
    Directory,
    Expression,
    Mode,
    Model,
    Module,
    Name,
    Parents,
    Sysctl,
)


class KernelModule(Model):
    """A kernel module that is loaded, now and after every start of the host."""

    name: Module
    """As modprobe(8) knows it. Built into the kernel is as good as loaded."""
    optional: bool = False
    """True: a kernel that does not have it is fine; templates see in `kernel_modules` whether it does."""


class HostResources(Model):
    """What the service's containers need of the host itself; it is there before they start."""

    group: Name | None = None
    """Inventory group of the hosts; default: every host that runs one of the service's containers."""
    when: Expression = "true"
    """An expression; nothing is done on a host where it is false."""
    modules: tuple[KernelModule, ...] = ()
    """Kernel modules."""
    sysctls: dict[Sysctl, Expression] = {}
    """Kernel settings (sysctl(8)), now and after every start of the host: name -> value."""
    shared_mounts: tuple[Directory, ...] = ()
    """Directories in which containers (`propagation: shared`) and the host see each other's mounts. A text
    with an expression may be empty on a host, and then there is none."""
    directories: dict[Absolute, Mode] = {}
    """Directories that exist: path -> mode."""
    at_destroy: dict[Name, tuple[Expression, ...]] = {}
    """Container -> program and arguments, run in it before `kolla destroy` removes it: it ends what would
    outlive the container."""


class Leaving(Model):
    """What is done about a host that is taken out of the cloud, or not to be used for some time. Jobs find
    the name that the host gives itself in the environment, as KOLLA_ARGUMENT, and are done on another one."""

    container: Parents
    """The container whose hosts it is about, or several."""
    drain: Name | None = None
    """The verb of the service that moves what is on the host elsewhere, and lets nothing new come; its
    argument is the host."""
    undrain: Name | None = None
    """The verb by which the host is used again."""
    evacuate: Name | None = None
    """The verb that brings back elsewhere what was on a host that is off."""
    occupied: Job | None = None
    """Fails, with the reason, while something is on the host that would be lost with it."""
    forget: Job | None = None
    """Once nothing runs there any more: takes the host out of what the service knows of its hosts."""
