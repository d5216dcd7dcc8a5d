"""Everything the operator said, read, merged, checked, and from then on immutable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Capability, Service, ServiceFolder
from kolla.errors import InputError, raise_all
from kolla.secret import Secret
from kolla.settings import checks, each, expressions
from kolla.settings import globals as globals_file
from kolla.settings import passwords as passwords_file
from kolla.settings.globals import Globals
from kolla.settings.inventory import Inventory
from kolla.settings.overrides import Overrides
from kolla.settings.scope import Given, Scope


@dataclass(frozen=True)
class Settings:
    """globals.yml, passwords.yml, inventory and override files, as one."""

    config_directory: Path
    cloud_id: str
    catalogue: Catalogue
    services: tuple[ServiceFolder, ...]
    """Enabled ones, by name."""
    inventory: Inventory
    passwords: Mapping[str, Secret] = field(repr=False)
    overrides: Overrides
    globals: Globals = field(repr=False)
    warnings: tuple[str, ...]
    _host_given: Mapping[str, Mapping[str, Given]] = field(repr=False)
    _constants: Mapping[str, Any] = field(repr=False)
    items: Mapping[tuple[str, str], each.Items] = field(default_factory=dict)
    """(service, container) -> host -> the item of its list that the container is there for."""
    lists: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(service, container) -> the container of the catalogue it is one of, where that is for each item."""

    @property
    def cloud_name(self) -> str:
        """Name of the cloud, part of paths and labels."""
        return str(self.scope(None)["cloud_name"])

    def scope(self, host: str | None, extra: Mapping[str, object] | None = None) -> Scope:
        """What templates and expressions see on `host` (None: what holds for all hosts)."""
        own: dict[str, object] = {}
        if host is not None:
            own = {"inventory_hostname": host, "group_names": self._group_names[host]}
        return Scope(
            self.globals.keys,
            self.globals.given,
            host=host,
            host_given=self._host_given[host] if host is not None else {},
            constants=self._constants,
            custom=self.globals.custom,
            extra={**own, **(extra or {})},
        )

    def given(self, host: str, name: str) -> Given | None:
        """What somebody wrote for a setting, for this host before for all; None when nobody did."""
        return self._host_given[host].get(name) or self.globals.given.get(name)

    def with_catalogue(self, catalogue: Catalogue) -> Settings:
        """The same settings over another catalogue, with the same services."""
        services = tuple(catalogue.folders[folder.name] for folder in self.services)
        return replace(self, catalogue=catalogue, services=services)

    def with_services(self, change: Callable[[Service], Service]) -> Settings:
        """The same settings for services that are changed; what stands where in their files stays."""
        folders = {
            name: folder.model_copy(update={"service": change(folder.service)})
            for name, folder in self.catalogue.folders.items()
        }
        return self.with_catalogue(self.catalogue.changed(folders, {}))

    def suited(self) -> Settings:
        """The same settings with services as they are in this cloud, made from those of the catalogue: what
        they may need among their needs where they do, a container for each item of a list."""
        needing, mistakes = checks.needing(self.catalogue, self.services, self.scope(None))
        raise_all(mistakes)
        changed = self.catalogue.changed({folder.name: folder for folder in needing}, {})
        return self.with_catalogue(changed)._expanded()

    def _expanded(self) -> Settings:
        found = {
            folder.name: each.items(
                folder,
                self.hosts_of,
                self.scope,
                partial(self.catalogue.find, folder.name),
            )
            for folder in self.services
        }
        items = {
            (service, each.container_name(container, name)): hosts
            for service, containers in found.items()
            for container, names in containers.items()
            for name, hosts in names.items()
        }
        lists = {
            (service, each.container_name(container, name)): container
            for service, containers in found.items()
            for container, names in containers.items()
            for name in names
        }
        if not any(found.values()):
            return self
        changed = self.with_services(lambda service: each.expanded(service, found.get(service.name, {})))
        return replace(changed, items=items, lists=lists)

    @cached_property
    def _group_names(self) -> Mapping[str, tuple[str, ...]]:
        """Host -> the groups it is in, those of services included, sorted."""
        names: dict[str, list[str]] = {host: [] for host in self.inventory.hosts}
        for group in sorted(self._constants["groups"]):
            for host in self._constants["groups"][group]:
                names[host].append(group)
        return {host: tuple(groups) for host, groups in names.items()}

    def hosts_of(self, group: str) -> tuple[str, ...]:
        """Hosts of an inventory group; of its default parents when the inventory does not have it."""
        return checks.hosts_of(self.inventory, self.catalogue, group)

    def refusals(self) -> Iterator[InputError]:
        """What enabled services refuse of the settings, host by host."""
        for folder in self.services:
            for sentence, condition in folder.service.refuses.items():
                own = sorted(expressions.names(condition) & folder.service.settings.keys())
                for host in self.inventory.hosts:
                    given = [item for name in own if (item := self.given(host, name)) is not None]
                    where = self.catalogue.find(folder.name, sentence)
                    if given and (what := checks.refusal(folder, sentence, self.scope(host), where)):
                        yield InputError(what, where=given[0].where)

    def limits(self, host: str) -> Iterator[tuple[str, str]]:
        """(service, sentence) of what enabled services do not do on a host."""
        for folder in self.services:
            for sentence, condition in folder.service.limits.items():
                where = self.catalogue.find(folder.name, sentence)
                if expressions.evaluate(condition, self.scope(host), where) is True:
                    yield folder.name, expressions.render(sentence, self.scope(host), where)

    def provider(self, capability: str) -> ServiceFolder | None:
        """The enabled service that provides a capability."""
        wanted = Capability(capability)
        return next((folder for folder in self.services if wanted in folder.service.provides), None)


def load(
    config_directory: Path,
    *,
    inventory: Inventory,
    service_paths: Sequence[Path] = (),
) -> Settings:
    """Read and check everything.

    InputErrors names everything that is wrong; nothing is evaluated that needs facts about hosts.
    """
    catalogue = loader.load(service_paths)
    globals_, errors = globals_file.read(config_directory, catalogue)
    groups = {"groups": checks.all_groups(inventory, catalogue)}
    cloud = Scope(globals_.keys, globals_.given, constants=groups, custom=globals_.custom)
    enabled, mistakes = checks.enabled(catalogue, cloud)
    errors += mistakes
    host_given, mistakes = checks.host_values(globals_, inventory)
    errors += mistakes
    passwords: dict[str, Secret] = {}
    try:
        passwords = passwords_file.load(config_directory)
        errors += checks.passwords(catalogue, config_directory, enabled, passwords)
    except InputError as error:
        errors.append(error)
    errors += checks.required(globals_, host_given)
    needing, mistakes = checks.needing(catalogue, enabled, cloud)
    errors += [*mistakes, *checks.capabilities(globals_, needing)]
    errors += checks.groups(catalogue, inventory, enabled)
    errors += checks.named_groups(globals_, cloud, groups["groups"])
    cloud_id = passwords.pop(passwords_file.CLOUD_ID, Secret("")).reveal()
    settings = Settings(
        config_directory=config_directory,
        cloud_id=cloud_id,
        catalogue=catalogue,
        services=enabled,
        inventory=inventory,
        passwords=passwords,
        overrides=Overrides.find(config_directory),
        globals=globals_,
        warnings=tuple(checks.password_warnings(catalogue, config_directory, passwords)),
        _host_given=host_given,
        _constants=groups | passwords,
    )
    errors += settings.scope(None).errors()
    for host in inventory.hosts:
        errors += settings.scope(host).errors() if host_given[host] else ()
    raise_all(errors)
    raise_all(list(settings.refusals()))
    return settings.suited()
