"""All services there are, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kolla.catalogue.model import Capability, Container, Image, ServiceFolder, Verb
from kolla.errors import InputError, Location, did_you_mean
from kolla.yamlfile import Document

USUAL_GROUPS = ("control", "network", "compute", "storage", "monitoring", "deployment")
"""Inventory groups every inventory of the field has; services' own groups stand below them."""

EVERYWHERE = "everywhere"
"""What a group of a service stands below that has every host any other service's group has."""

OWN_VERBS = (
    *(
        "adopt",
        "bootstrap-servers",
        "build",
        "check",
        "deploy",
        "destroy",
        "exec",
        "genconfig",
        "genpwd",
        "host",
        "load",
    ),
    *("lock", "logs", "mergepwd", "plan", "post-deploy", "prechecks", "promote", "publish", "pull", "push"),
    *("quickstart", "reconfigure", "restart", "revisions", "rollback", "service", "start", "status", "stop"),
    *("upgrade", "validate-config"),
)
"""Verbs of the command line itself; services cannot have these."""

Part = tuple[str | int, ...]
"""A service and the keys that lead to a part of its `service.yml`."""


@dataclass(frozen=True)
class Catalogue:
    """Every service folder, whether its service is enabled or not."""

    folders: Mapping[str, ServiceFolder]
    """Sorted by name."""
    _documents: Mapping[str, Document] = field(repr=False, compare=False)
    _changed: Mapping[tuple[str | int, ...], Location] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Parts of services that the settings changed, and where they did."""

    def changed(self, folders: Mapping[str, ServiceFolder], where: Mapping[Part, Location]) -> Catalogue:
        """The catalogue with other folders in it; `where` says what changed each part of a service."""
        return replace(self, folders={**self.folders, **folders}, _changed={**self._changed, **where})

    def image(self, name: str) -> tuple[ServiceFolder, Image]:
        """The image called `name` and the folder it is in; InputError when there is none."""
        for folder in self.folders.values():
            if name in folder.service.images:
                return folder, folder.service.images[name]
        known = [image for folder in self.folders.values() for image in folder.service.images]
        raise InputError(f"there is no image '{name}'", hint=did_you_mean(name, known))

    def user_of(self, name: str, container: Container) -> str:
        """The user that container `name` runs as; InputError when there is no such image."""
        _, image = self.image(container.image or name)
        return container.user or image.user or "root"

    def provider(self, capability: str) -> ServiceFolder | None:
        """The first service that offers `capability`, enabled or not."""
        wanted = Capability(capability)
        return next((f for f in self.folders.values() if wanted in f.service.provides), None)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Every service's inventory groups -> the groups whose hosts they have by default."""
        groups: dict[str, tuple[str, ...]] = {}
        for folder in self.folders.values():
            groups |= groups_of(folder)
        return groups

    @property
    def kernel_modules(self) -> tuple[str, ...]:
        """Every kernel module that any service mentions, sorted."""
        return tuple(sorted({m.name for f in self.folders.values() for m in f.service.host.modules}))

    @property
    def verbs(self) -> Mapping[str, tuple[ServiceFolder, Verb]]:
        """Every verb of a service, whether it is enabled or not -> its service and itself, sorted."""
        found = {
            name: (folder, verb)
            for folder in self.folders.values()
            for name, verb in folder.service.verbs.items()
        }
        return dict(sorted(found.items()))

    def template(self, folder: ServiceFolder, name: str) -> Path:
        """Path of what a service calls template `name`: one of its own `config/` folder, or `service/name`.

        InputError when there is no such service.
        """
        service, _, file = name.rpartition("/")
        if service and service not in self.folders:
            raise InputError(f"there is no service '{service}'", hint=did_you_mean(service, self.folders))
        return (self.folders[service] if service else folder).path / "config" / file

    def where(self, service: str, *path: str | int) -> Location:
        """File and line of a part of a service, for messages about it: in its `service.yml`, or in the
        settings that changed it."""
        for end in range(len(path), 0, -1):
            if (service, *path[:end]) in self._changed:
                return self._changed[service, *path[:end]]
        return self._documents[service].where(path)

    def find(self, service: str, text: str) -> Location:
        """File and line of an expression of a `service.yml`, for messages about its value."""
        return self._documents[service].find(text)

    def file(self, service: str) -> Path:
        """Path of a service's `service.yml`."""
        return self._documents[service].path


def groups_of(folder: ServiceFolder) -> dict[str, tuple[str, ...]]:
    """A service's inventory groups -> their default parents.

    A group of the service's own name, below `control`, is assumed when a container uses it.
    """
    service = folder.service
    own = any(container.group is None for container in service.containers.values())
    return ({service.name: ("control",)} if own else {}) | service.groups
