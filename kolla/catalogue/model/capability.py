"""What a service wants of those that provide capabilities, and what providers offer."""

from __future__ import annotations

from kolla.catalogue.model.job import Job
from kolla.catalogue.model.words import Expression, Key, Model, Name, Volume


class Entry(Model):
    """One more entry of the identity provider's catalogue, under a name and of a type of its own."""

    type: str
    """Service type of the OpenStack service-types authority: cloudformation, ..."""
    description: str
    """A few words for people who list the catalogue."""
    endpoint: Name
    """The endpoint registered."""


class Domain(Model):
    """A domain of a service's own, for the users and projects that it makes."""

    name: Key
    """What it is called."""
    description: str
    """A few words for people who list domains."""
    administrator: Key
    """A user in it who may do everything there, and nothing elsewhere; its password is like that of a
    service user."""


class Identity(Model):
    """What is registered with the identity provider for this service."""

    type: str
    """Service type of the OpenStack service-types authority: image, compute, ..."""
    description: str = ""
    """Default: the service's title."""
    user: Key | None = None
    """A service user with this name; its password is `<user>_<identity provider>_password`."""
    roles: tuple[str, ...] = ("admin", "service")
    """Roles of the service user in the service project."""
    endpoint: Name | None = None
    """The endpoint registered in the catalogue; None: only the user."""
    others: dict[Name, Entry] = {}
    """What is registered besides, for a service that speaks more than one API: name -> entry."""
    domain: Domain | None = None
    """The domain it makes users in."""
    grants: tuple[str, ...] = ()
    """Roles that are made for it to give, or for administrators to give to its users."""


class StorageUser(Model):
    """A user of the shared storage; its key is the password `<user>_key` of the service that provides it."""

    pools: tuple[Expression, ...] = ()
    """Pools it reads and writes."""
    reads: tuple[Expression, ...] = ()
    """Pools it only reads; whoever writes them makes them."""


class Storage(Model):
    """What a service wants of the shared storage, when it needs it. A user that several services name may
    do what all of them say."""

    pools: tuple[Expression, ...] = ()
    """Pools that are made."""
    users: dict[Name, StorageUser] = {}
    """Users that are made: name -> what they may do."""


class Provision(Model):
    """How this service offers a capability to the others."""

    endpoint: Name | None = None
    """Where it is reached; consumers wait until it answers."""
    volume: Volume | None = None
    """The volume whose epoch says "this is another database than before"."""
    variables: dict[Key, Expression] = {}
    """What consumers' templates see as `<capability>.<key>`; evaluated with `consumer`."""
    job: Job | None = None
    """Run for every consumer (a database and its user, a registration); sees `consumer`."""
    container: Name | None = None
    """Of a proxy: the container that listens for the others, and in which these three are run."""
    drain: tuple[Expression, ...] = ()
    """Of a proxy: program and arguments, to which the name of a host and those of listeners are added. It
    passes nothing new on to that host, and ends when what is on its way has ended, or after a time."""
    admit: tuple[Expression, ...] = ()
    """Of a proxy: the same for the way back; it ends when the host is seen to serve."""
    drained: tuple[Expression, ...] = ()
    """Of a proxy: program and arguments that print, as JSON, whom it passes nothing on to since `drain`: a
    list of [listener, host]."""
    backup: Name | None = None
    """The verb of the service that keeps its data safe: an upgrade runs it before anything changes."""
    restore: Name | None = None
    """The verb of the service that brings such a backup back."""
