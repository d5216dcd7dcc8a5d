"""A small cloud made of real services, and a model of what hosts become when a plan is carried out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.secret import Secret
from kolla.settings import Settings, load, passwords
from kolla.settings.inventory import Inventory
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.facts import HostFacts, Interface
from kolla.state.host_state import Engine, HostState, JobRecord, ObservedContainer, ObservedFile
from kolla.state.plan import (
    ContainerOperation,
    HostOperation,
    ImageOperation,
    JobOperation,
    MemberOperation,
    Plan,
    ReleaseOperation,
    RemoveOperation,
    StopOperation,
    VolumeOperation,
)
from kolla.state.reconcile import reconcile
from kolla.state.resources import union

THIRD_PARTY = Path(__file__).parents[2] / "system" / "services"

SERVICES = ("haproxy", "keystone", "mariadb", "memcached", "notes", "rabbitmq", "toolbox")
"""The cloud is these, however many services there are; a test may enable more."""

MOST_DESIRED = 50

_DESIRED: dict[str, Desired] = {}
"""What a world is made of -> what is desired, of which nobody can change anything."""


@cache
def _catalogue() -> Catalogue:
    """The services of all worlds that change none of them."""
    return loader.load([THIRD_PARTY])


@cache
def _passwords() -> str:
    """A passwords.yml for all worlds of a process."""
    values = passwords.generate(_catalogue(), {})
    return yaml.safe_dump({k: v.reveal() if isinstance(v, Secret) else v for k, v in values.items()})


class World:
    """A configuration directory that can be edited, and hosts that can be changed."""

    def __init__(self, directory: Path, hosts: Sequence[str] = ("one",)) -> None:
        self.directory = directory
        self.services = THIRD_PARTY
        self.groups: dict[str, Sequence[str]] = {"control": hosts}
        self.hosts = tuple(hosts)
        self.globals: dict[str, Any] = {
            "network_interface": "eth0",
            "kolla_internal_vip_address": "10.0.0.250",
        }
        self.image_ids: dict[str, str] = {}
        self.release = "2026.1"
        self.kernel_modules: tuple[str, ...] = ()
        self.states = self.states_of(hosts)
        for name, folder in _catalogue().folders.items():
            if folder.service.enabled and name not in SERVICES:
                self.globals[f"enable_{name}"] = False
        (directory / "passwords.yml").write_text(_passwords())
        (directory / "passwords.yml").chmod(0o600)

    @staticmethod
    def states_of(hosts: Sequence[str]) -> dict[str, HostState]:
        """Hosts that have an engine and nothing else."""
        return {host: HostState(host=host, engine=Engine(name="docker", version="26.1")) for host in hosts}

    def edit(self, file: str, old: str, new: str) -> Path:
        """Change a file of the third party's service, in a copy of its own; give that file's path."""
        if self.services == THIRD_PARTY:
            self.services = Path(shutil.copytree(THIRD_PARTY, self.directory / "services"))
        path = self.services / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        return path

    def override(self, path: str, text: str) -> None:
        """Write a file below config/."""
        file = self.directory / "config" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    @property
    def settings(self) -> Settings:
        (self.directory / "globals.yml").write_text(yaml.safe_dump(self.globals))
        document: dict[str, Any] = {"_meta": {"hostvars": {host: {} for host in self.hosts}}}
        for group, hosts in self.groups.items():
            document[group] = {"hosts": list(hosts)}
        document["all"] = {"children": list(self.groups)}
        inventory = Inventory.parse(document, ("inventory",))
        return load(self.directory, inventory=inventory, service_paths=[self.services])

    @property
    def facts(self) -> dict[str, HostFacts]:
        return {
            host: HostFacts(
                hostname=f"{host}.example",
                distribution="debian",
                distribution_version="13",
                architecture="x86_64",
                cores=2,
                memory=1 << 33,
                interfaces={"eth0": Interface(addresses=(f"10.0.0.{number}",), networks=("10.0.0.0/24",))},
                default_interface="eth0",
                kernel_modules=self.kernel_modules,
            )
            for number, host in enumerate(self.hosts, 1)
        }

    @property
    def report(self) -> BuildReport:
        catalogue = _catalogue() if self.services == THIRD_PARTY else loader.load([self.services])
        names = [name for folder in catalogue.folders.values() for name in folder.service.images]
        images = {
            name: BuiltImage(
                name=name,
                status="built",
                identity=name,
                id=self.image_ids.get(name, f"sha256:{name}"),
                reference=f"kolla/{name}:1",
                size=1000,
            )
            for name in names
        }
        return BuildReport(release=self.release, base="debian-13", images=images)

    @property
    def desired(self) -> Desired:
        """Made again when anything that it is made of has changed; of equal worlds it is made once."""
        inputs = self._inputs()
        if inputs not in _DESIRED:
            if len(_DESIRED) == MOST_DESIRED:
                del _DESIRED[next(iter(_DESIRED))]
            _DESIRED[inputs] = desire(self.settings, self.report, self.facts)
        return _DESIRED[inputs]

    def _inputs(self) -> str:
        files = {
            str(path.relative_to(self.directory)): path.read_text()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file() and path != self.directory / "globals.yml"  # which is written from `globals`
        }
        told = (self.services, self.groups, self.hosts, self.globals, self.image_ids, self.release)
        return repr((*told, self.kernel_modules, files))

    def plan(self, **options: Any) -> Plan:
        """What is to be done on the hosts; options are those of `reconcile`."""
        return reconcile(self.desired, self.states, **options)

    def change_container(self, name: str, host: str = "one", **changes: Any) -> None:
        """Have a container be otherwise, behind our back."""
        state = self.states[host]
        container = state.containers[name].model_copy(update=changes)
        containers = {**state.containers, name: container}
        self.states[host] = state.model_copy(update={"containers": containers})

    def change_file(self, folder: str, name: str, **changes: Any) -> None:
        """The same of a file of the first host's."""
        state = self.states["one"]
        files = {**state.folders[folder], name: state.folders[folder][name].model_copy(update=changes)}
        self.states["one"] = state.model_copy(update={"folders": {**state.folders, folder: files}})

    def carry_out(self, plan: Plan, desired: Desired | None = None) -> None:
        """Make the hosts what a faithful executor would make of them."""
        self.obey(plan, (desired or self.desired).bundle())

    def obey(self, plan: Plan, contents: Mapping[str, bytes]) -> None:
        """The same of an executor who was given the contents of files, by their SHA-256, and no more."""
        for operation in plan.operations:
            state = self.states[operation.host]
            effect = _effect(operation, state, contents, self.release)
            self.states[operation.host] = state.model_copy(update=effect)


def _effect(operation: Any, state: HostState, contents: Mapping[str, bytes], release: str) -> dict[str, Any]:
    if isinstance(operation, ReleaseOperation):
        jobs = {name: record for name, record in state.jobs.items() if name not in operation.forgets}
        return {"upgrade": operation.change, "jobs": jobs}
    if isinstance(operation, ImageOperation):
        return {"images": (*state.images, operation.image)}
    if isinstance(operation, VolumeOperation):
        copied = {operation.volume: operation.source} if operation.source else {}
        return {
            "volumes": {**state.volumes, operation.volume: operation.epoch},
            "copies": {**state.copies, **copied},
        }
    if isinstance(operation, JobOperation):
        record = {operation.job: JobRecord(key=operation.key, epochs=operation.epochs)}
        return {
            "jobs": {**state.jobs, **(record if operation.record else {})},
            "volumes": {**state.volumes, **operation.renews},
        }
    if isinstance(operation, StopOperation):
        stopped = state.containers[operation.container].model_copy(update={"state": "exited"})
        return {"containers": {**state.containers, operation.container: stopped}}
    if isinstance(operation, MemberOperation):
        host = operation.id.partition("/")[2].partition("@")[0]
        listeners = operation.command[operation.command.index(host) + 1 :]
        stay = [member for member in state.drained if member[1] != host or member[0] not in listeners]
        out = [(name, host) for name in listeners] if operation.action == "drain" else []
        return {"drained": tuple(sorted([*stay, *out]))}
    if isinstance(operation, HostOperation):
        given = {s: r for s, r in state.given.items() if s != operation.service}
        given |= {operation.service: operation.resources} if operation.resources else {}
        return {"given": given, "resources": union(given.values())}
    if isinstance(operation, RemoveOperation):
        containers = {n: c for n, c in state.containers.items() if n != operation.container}
        return {"containers": containers}
    if isinstance(operation, ContainerOperation):
        spec, folder = operation.spec, operation.folder
        container = ObservedContainer(
            name=spec.name,
            state="running",
            ready=True,
            service=operation.service,
            version=release,
            spec_digest=spec.digest,
            generation=operation.generation,
            spec=spec.model_dump(mode="json"),
            folder=folder.path,
            taken=folder.digest,
        )
        files = {
            file.name: ObservedFile(
                sha256=file.sha256, mode="0600", content=Secret(contents[file.sha256].decode())
            )
            for file in folder.files
        }
        return {
            "containers": {
                **{n: c for n, c in state.containers.items() if n not in operation.replaces},
                spec.name: container,
            },
            "folders": {**state.folders, folder.path: files},
        }
    return {}
