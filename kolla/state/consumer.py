"""How a service that needs something and one that provides it see each other in templates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from kolla.catalogue.model import Capability, Identity, Service, ServiceFolder
from kolla.secret import Secret
from kolla.settings import Settings, each
from kolla.settings.expressions import evaluate, render
from kolla.settings.passwords import database_password, identity_password, storage_key
from kolla.state.topology import EndpointView, Topology


@dataclass(frozen=True)
class Database:
    """A database of a consumer; its user has the same name."""

    name: str
    user: str
    password: Secret = field(repr=False)


@dataclass(frozen=True)
class EntryView:
    """An entry that a consumer wants in the identity provider's catalogue."""

    name: str
    type: str
    description: str
    endpoint: EndpointView


@dataclass(frozen=True)
class DomainView:
    """The domain that a consumer makes users in."""

    name: str
    description: str
    administrator: str
    password: Secret = field(repr=False)


@dataclass(frozen=True)
class IdentityView:
    """What a consumer wants registered."""

    user: str | None
    password: Secret | None = field(repr=False)
    roles: tuple[str, ...]
    entries: tuple[EntryView, ...]
    domain: DomainView | None
    grants: tuple[str, ...]


@dataclass(frozen=True)
class StorageUserView:
    """A user of the shared storage, with what all services together want for it."""

    name: str
    key: Secret = field(repr=False)
    pools: tuple[str, ...]
    """Pools it reads and writes."""
    reads: tuple[str, ...]
    """Pools it only reads."""


@dataclass(frozen=True)
class StorageView:
    """What a consumer wants of the shared storage."""

    pools: tuple[str, ...]
    users: tuple[StorageUserView, ...]


@dataclass(frozen=True)
class Consumer:
    """A service, as its providers' templates see it (`consumer`)."""

    name: str
    title: str
    needs: tuple[Capability, ...]
    database_list: tuple[Database, ...]
    vhosts: tuple[str, ...]
    """Virtual hosts of the message bus that it wants besides the one for all."""
    identity: IdentityView | None
    storage: StorageView
    endpoint: EndpointView | None
    """The endpoint that is registered, if any."""
    vhost: str = ""
    """The virtual host that is meant, of `vhosts`; empty: the one for all."""

    @property
    def databases(self) -> Mapping[str, Database]:
        """By name, in the catalogue's order."""
        return {database.name: database for database in self.database_list}

    @property
    def database(self) -> Database | None:
        """The first, for the many services that have one."""
        return self.database_list[0] if self.database_list else None

    def only(self, database: str) -> Consumer:
        """The same consumer with one of its databases."""
        return replace(self, database_list=(self.databases[database],))

    def at(self, vhost: str) -> Consumer:
        """The same consumer at one of its virtual hosts."""
        return replace(self, vhost=vhost)

    def wants(self, capability: Capability) -> bool:
        """Whether the provider's job is to be run for this service."""
        if capability is Capability.DATABASE:
            return bool(self.database_list)
        if capability is Capability.MESSAGE_BUS:
            return bool(self.vhosts)
        if capability is Capability.IDENTITY:
            return self.identity is not None
        return capability in self.needs

    @classmethod
    def of(cls, folder: ServiceFolder, settings: Settings, topology: Topology) -> Consumer:
        """The consumer's side of a service."""
        service, passwords = folder.service, settings.passwords
        identity = service.identity
        view = None
        if identity is not None:
            password = partial(identity_password, settings.catalogue)
            domain = identity.domain
            view = IdentityView(
                user=identity.user,
                password=passwords[password(identity.user)] if identity.user else None,
                roles=identity.roles,
                entries=tuple(_entries(service, identity, topology)),
                domain=DomainView(
                    domain.name,
                    domain.description,
                    domain.administrator,
                    passwords[password(domain.administrator)],
                )
                if domain
                else None,
                grants=identity.grants,
            )
        endpoint = topology.endpoints[identity.endpoint] if identity and identity.endpoint else None
        return cls(
            name=service.name,
            title=service.title,
            needs=service.needs,
            database_list=tuple(_databases(folder, settings)),
            vhosts=tuple(name for _, name in _for_each(folder, service.vhosts_for_each, settings)),
            identity=view,
            storage=_storage(folder, settings),
            endpoint=endpoint,
        )


def _databases(folder: ServiceFolder, settings: Settings) -> Iterator[Database]:
    service, passwords = folder.service, settings.passwords
    for name in service.databases:
        yield Database(name, name, passwords[database_password(name)])
    for database, name in _for_each(folder, service.databases_for_each, settings):
        yield Database(name, name, passwords[database_password(database)])


def _for_each(
    folder: ServiceFolder, lists: Mapping[str, str], settings: Settings
) -> Iterator[tuple[str, str]]:
    """(What the catalogue has once, what it is called for one item of its list)."""
    for name, expression in lists.items():
        where = settings.catalogue.find(folder.name, expression)
        for item in each.names(evaluate(expression, settings.scope(None), where), where):
            yield name, each.volume_name(name, item)


def _storage(folder: ServiceFolder, settings: Settings) -> StorageView:
    """Names evaluated, as the settings may say them; empty while the service does not need the storage."""
    if Capability.STORAGE not in folder.service.needs:
        return StorageView((), ())
    sharing = [other for other in settings.services if Capability.STORAGE in other.service.needs]

    def names(owner: ServiceFolder, expressions: Iterable[str]) -> Iterator[str]:
        for text in expressions:
            yield render(text, settings.scope(None), settings.catalogue.find(owner.name, text))

    def user(name: str) -> StorageUserView:
        wants = [(o, o.service.storage.users[name]) for o in sharing if name in o.service.storage.users]
        pools = dict.fromkeys(pool for owner, want in wants for pool in names(owner, want.pools))
        reads = dict.fromkeys(pool for owner, want in wants for pool in names(owner, want.reads))
        return StorageUserView(
            name,
            settings.passwords[storage_key(settings.catalogue, name)],
            tuple(pools),
            tuple(pool for pool in reads if pool not in pools),
        )

    storage = folder.service.storage
    return StorageView(tuple(names(folder, storage.pools)), tuple(user(name) for name in storage.users))


def _entries(service: Service, identity: Identity, topology: Topology) -> Iterator[EntryView]:
    if identity.endpoint is not None:
        description = identity.description or service.title
        yield EntryView(service.name, identity.type, description, topology.endpoints[identity.endpoint])
    for name, entry in identity.others.items():
        yield EntryView(name, entry.type, entry.description, topology.endpoints[entry.endpoint])


class ProviderView:
    """A capability as a consumer's templates see it: `{{ database.url }}`. Lazy."""

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        provider: ServiceFolder,
        capability: Capability,
        host: str,
        consumer: Consumer,
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._variables = provider.service.provides[capability].variables
        endpoint = provider.service.provides[capability].endpoint
        self._extra: dict[str, object] = {"consumer": consumer, "endpoints": topology.endpoints}
        if endpoint is not None:
            self._extra["endpoint"] = topology.endpoints[endpoint]
        self._host = host

    def __getitem__(self, key: str) -> str:
        scope = self._settings.scope(self._host, self._extra)
        expression = self._variables[key]
        return render(expression, scope, self._settings.catalogue.find(self._provider.name, expression))

    def keys(self) -> tuple[str, ...]:
        """Names a template may use."""
        return tuple(self._variables)


def consumers(provider: Service, services: Iterable[Service], volumes: Collection[str]) -> set[str]:
    """Names of the services that need what the provider keeps in its `volumes`."""
    offered = {word for word, provision in provider.provides.items() if provision.volume in volumes}
    return {other.name for other in services if offered & set(other.needs)}
