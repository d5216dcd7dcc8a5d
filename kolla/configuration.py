"""Everything an operator wrote about one cloud, read when it is first needed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from kolla.ansible import inventory
from kolla.ansible.executor import CloudIdentity
from kolla.build_report import BuildReport
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.loader import load as load_catalogue
from kolla.config.unread import check as check_unread
from kolla.errors import InputError, Location, did_you_mean
from kolla.images.overrides import customised, renumbered
from kolla.places import Places, read_json, write_json
from kolla.settings import Settings, passwords
from kolla.settings import load as load_settings
from kolla.settings.building import building, search
from kolla.settings.globals import Globals
from kolla.settings.globals import load as load_globals
from kolla.settings.inventory import Inventory


@dataclass(frozen=True)
class Configuration:
    """A configuration directory, an inventory, and what of both a verb is to look at."""

    directory: Path
    inventory_sources: tuple[str, ...] = ()
    service_paths: tuple[Path, ...] = ()
    limit: tuple[str, ...] = ()
    """Hosts and groups; empty: all."""
    tags: tuple[str, ...] = ()
    """Services; empty: all."""
    build_config_files: tuple[Path, ...] = ()
    """What is read as kolla-build.conf; empty: the one that is found."""
    build_report_file: Path | None = None
    """A build report of another machine; None: what was built here."""
    facts_file: Path | None = None
    """Facts of hosts as another machine saw them; None: as they were seen from here."""
    left_out: frozenset[str] = frozenset()
    """Hosts that are in the inventory and are taken not to be: what the cloud is without them."""

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every service there is a folder for, with its images as the settings change them."""
        return customised(self.globals)

    @cached_property
    def globals(self) -> Globals:
        """globals.yml, checked; enough for building images."""
        return load_globals(self.directory, load_catalogue(self.service_paths))

    @cached_property
    def build_settings(self) -> Globals:
        """globals.yml as a build has it: what kolla-build.conf says wins."""
        return building(self.globals, self.build_config_files or search(self.directory))

    @cached_property
    def places(self) -> Places:
        """Where the controller keeps what it knows about this cloud."""
        return Places.of(str(self.globals.value("cloud_name")))

    @cached_property
    def inventory(self) -> Inventory:
        """Hosts and groups, read once."""
        return Inventory.parse(inventory.read(self.sources), self.sources).without(self.left_out)

    @property
    def sources(self) -> tuple[str, ...]:
        """What Ansible is given with `-i`."""
        return inventory.sources(self.inventory_sources, self.directory)

    @cached_property
    def settings(self) -> Settings:
        """Everything the operator said, merged and checked."""
        read = load_settings(self.directory, inventory=self.inventory, service_paths=self.service_paths)
        return read.with_catalogue(customised(read.globals)).suited()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd, and no reason to stop. InputError for override files of enabled services that
        nothing reads."""
        settings = self.settings
        return (*settings.warnings, *renumbered(settings.globals), *check_unread(settings))

    @property
    def report(self) -> BuildReport:
        """What the builder made last."""
        return BuildReport.load(self.report_place)

    @property
    def report_place(self) -> Path:
        """Where the build report is, and beside it the schemas of options that it names."""
        return self.build_report_file or self.places.build_report

    def only(self, hosts: Collection[str]) -> Configuration:
        """The same, looking at these hosts alone."""
        other = replace(self, limit=tuple(hosts))
        vars(other).update(inventory=self.inventory)
        return other

    def without(self, hosts: Collection[str]) -> Configuration:
        """The same of a cloud without some of its hosts, which has read nothing yet but the inventory."""
        other = replace(self, left_out=self.left_out | frozenset(hosts))
        vars(other).update(inventory=self.inventory.without(other.left_out))
        return other

    def hosts(self) -> tuple[str, ...]:
        """The hosts `--limit` leaves; InputError when it names none that exist."""
        chosen: set[str] = set()
        for name in self.limit:
            if name in self.inventory.hosts:
                chosen.add(name)
            elif name in self.inventory.groups:
                chosen |= set(self.inventory.groups[name])
            else:
                known = [*self.inventory.hosts, *self.inventory.groups]
                raise InputError(
                    f"--limit: there is no host or group '{name}'", hint=did_you_mean(name, known)
                )
        return tuple(h for h in self.inventory.hosts if not self.limit or h in chosen)

    def services(self) -> frozenset[str] | None:
        """The services `--tags` leaves, None for all; InputError for one that is not enabled."""
        names = [folder.name for folder in self.settings.services]
        for tag in self.tags:
            if tag not in names:
                raise InputError(
                    f"--tags: no enabled service is called '{tag}'", hint=did_you_mean(tag, names)
                )
        return frozenset(self.tags) or None

    @cached_property
    def identity(self) -> CloudIdentity:
        """Name, id and engine; the id is remembered when passwords.yml is gone; InputError without one."""
        secret = passwords.load(self.directory).get(passwords.CLOUD_ID)
        cloud_id = secret.reveal() if secret else read_json(self.places.made).get("cloud_id")
        if not cloud_id:
            raise InputError(
                f"there is no {passwords.CLOUD_ID}",
                where=Location(self.directory / passwords.FILE),
                hint="run: kolla genpwd",
            )
        values = self.globals.value
        return CloudIdentity(str(values("cloud_name")), str(cloud_id), str(values("kolla_container_engine")))

    def remember(self, path: Path) -> None:
        """Note that the controller made a file, so that removing the cloud removes it."""
        made = read_json(self.places.made)
        made["files"] = sorted({*made.get("files", []), str(path)})
        cloud_id = passwords.load(self.directory).get(passwords.CLOUD_ID)
        if cloud_id is not None:
            made["cloud_id"] = cloud_id.reveal()
        write_json(self.places.made, made)

    @property
    def made(self) -> list[Path]:
        """The files `remember` was told of."""
        return [Path(name) for name in read_json(self.places.made).get("files", [])]
