"""A service, and the folder it is read from."""

from __future__ import annotations

from pathlib import Path

from kolla.catalogue.model.capability import Identity, Provision, Storage
from kolla.catalogue.model.container import Container, Requirements
from kolla.catalogue.model.endpoint import Endpoint
from kolla.catalogue.model.host import HostResources, Leaving
from kolla.catalogue.model.image import Image, Software, User
from kolla.catalogue.model.job import Check, Job, Verb
from kolla.catalogue.model.setting import Password, Setting
from kolla.catalogue.model.upgrade import Upgrade
from kolla.catalogue.model.words import Capability, Expression, Key, Model, Name, Parents, Volume


class Service(Model):
    """A service: images, containers, jobs, endpoints, and what it needs from and gives to others."""

    name: Name
    """Also the name of its folder, and of its folder below `config/`."""
    title: str
    """A few words: Identity service."""
    description: str = ""
    """What else an operator should know; docs/reference/settings.md tells it."""
    software: Software = Software()
    """What its images are made for."""
    enabled: bool | Expression | None = None
    """Default of `enable_<name>`, which may be an expression over other keys; None: the folder has nothing to
    run and no such key."""
    needs: tuple[Capability, ...] = ()
    """Capabilities it uses; whoever provides them is found and wired."""
    may_need: dict[Capability, Expression] = {}
    """Capabilities it needs only where an expression over settings of the cloud is true."""
    provides: dict[Capability, Provision] = {}
    """Capabilities it offers to others."""
    groups: dict[Name, Parents] = {}
    """Inventory groups of this service -> the group (or list of groups) whose hosts they have unless the
    inventory says otherwise; `everywhere`: all that any other service's group has. A group of the service's
    own name is assumed below `control`."""
    sets: dict[Name, tuple[Name, ...]] = {}
    """Names for parts of the cloud that are started, stopped and looked at together -> what of it is of this
    service: containers of its own, its own name for all of them, or other sets. Services may share a set."""
    settings: dict[Key, Setting] = {}
    """Keys it adds to globals.yml."""
    refuses: dict[Expression, Expression] = {}
    """Why settings cannot go together, in a sentence -> an expression over them, true where they do not.
    Looked at when settings are read, for every host, where somebody set one of the service's own that the
    expression names: defaults refuse nobody."""
    limits: dict[Expression, Expression] = {}
    """What it does not do on a host, and why, in a sentence -> an expression, true on the hosts where that is
    so. `kolla prechecks` warns of it."""
    passwords: dict[Key, Password] = {}
    """Keys it adds to passwords.yml, besides those of databases and of its identity."""
    users: dict[Name, User] = {}
    """Operating system users of its images."""
    images: dict[Name, Image] = {}
    """Images it adds."""
    profiles: tuple[Name, ...] = ()
    """Sets of images that its published ones belong to, as `kolla build --profile` knows them."""
    releases: dict[str, dict[str, str]] = {}
    """OpenStack release -> distribution on PyPI -> version specifier: the roots of the lock."""
    databases: tuple[Key, ...] = ()
    """Each gets a database, a user of the same name, and `<name>_database_password`."""
    databases_for_each: dict[Key, Expression] = {}
    """One of the databases -> a list of mappings that have a `name`: for each of them there is one more,
    `<database>_<name>`, with a user of that name, whose password is that of the one."""
    vhosts_for_each: dict[Key, Expression] = {}
    """What virtual hosts of the message bus are called -> such a list: for each item there is one,
    `<vhost>_<name>`, whose messages are not seen in any other."""
    storage: Storage = Storage()
    """Pools and users of the shared storage, in use while the service needs `storage`."""
    identity: Identity | None = None
    """What is registered with the identity provider."""
    endpoints: dict[Name, Endpoint] = {}
    """Places where it is reached."""
    host: HostResources = HostResources()
    """What the containers need of the host itself."""
    requires: Requirements = Requirements()
    """What every host that runs one of its containers must offer."""
    containers: dict[Name, Container] = {}
    """What runs."""
    formerly: dict[Volume, Volume] = {}
    """Volumes that a new version of the service renames: name -> the name before. What is in the earlier one
    is copied, while nothing uses it, and stays as well."""
    host_volumes: tuple[Volume, ...] = ()
    """Volumes that say something of their host alone: on another one they are rightly empty."""
    jobs: dict[Name, Job] = {}
    """What is done once before or after something runs."""
    checks: dict[Name, Check] = {}
    """What `kolla check` tries."""
    verbs: dict[Name, Verb] = {}
    """Verbs it adds to the command line."""
    leaving: Leaving | None = None
    """What is done about a host that leaves, besides what a deploy without it does."""
    client_files: dict[str, str] = {}
    """Files `kolla post-deploy` writes for people: name -> template in `config/`."""
    upgrade: Upgrade = Upgrade()
    """How it goes from one OpenStack release to another, and back."""


class ServiceFolder(Model):
    """A service and where it was read, for its templates and for messages."""

    service: Service
    path: Path
    overlays: tuple[Path, ...] = ()
    """Directories of the operator whose files take the place of those in `image/`; the last one wins."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    def image_file(self, name: str) -> Path:
        """Path of a file of the `image/` folder, or of what is laid over it."""
        found = (path / name for path in reversed(self.overlays) if (path / name).is_file())
        return next(found, self.path / "image" / name)
