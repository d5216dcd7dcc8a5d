"""Deriving the desired state: a pure function of settings, catalogue, build report and host facts."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.model import (
    FIRST,
    Bind,
    Capability,
    ConfigFile,
    Container,
    Health,
    Image,
    Job,
    Provision,
    ServiceFolder,
)
from kolla.catalogue.privileges import START_CAPABILITIES
from kolla.catalogue.upgrades import Stage, at
from kolla.settings import Settings
from kolla.state import adoption, checkouts, volume_names
from kolla.state.consumer import Consumer, ProviderView, consumers
from kolla.state.demand import told
from kolla.state.desired import (
    Desired,
    DesiredContainer,
    DesiredJob,
    Proxy,
    Restore,
    Served,
    container_id,
    endpoint_id,
)
from kolla.state.facts import HostFacts
from kolla.state.host_needs import host_needs
from kolla.state.needs import requirements
from kolla.state.references import References, provision_job
from kolla.state.releases import SETTLED, Course
from kolla.state.render import CONFIG_FILES, RenderedFile, RenderedFolder, Renderer, copy_entry
from kolla.state.sockets import sockets
from kolla.state.spec import NO_NEW_PRIVILEGES, ContainerSpec, HealthCheck, Mount
from kolla.state.topology import Topology, engine_name

LOGS_PATH = "/var/log/kolla"


def desire(
    settings: Settings,
    report: BuildReport,
    facts: Mapping[str, HostFacts],
    course: Course = SETTLED,
) -> Desired:
    """Derive the desired state: what it is `course` says, when the cloud is between two releases.

    InputError for anything in the settings that cannot be.
    """
    settings = settings.with_services(lambda service: at(service, course.stage))
    return _Builder(settings, report, Topology(settings, facts), course).build()


@dataclass(frozen=True)
class _Owner:
    """Whose words a job is written in, and for whom it runs."""

    folder: ServiceFolder
    provision: Provision | None = None
    consumer: Consumer | None = None


class _Builder:
    """Holds the inputs while the parts are derived; every method only reads them."""

    def __init__(self, settings: Settings, report: BuildReport, topology: Topology, course: Course) -> None:
        self.course = course
        self.settings = settings
        self.report = report
        self.topology = topology
        self.consumers = {f.name: Consumer.of(f, settings, topology) for f in settings.services}
        self.references = References(topology, self.consumers)

    def build(self) -> Desired:
        volume_names.check(self.settings)
        where = self.settings.globals.where(checkouts.KEY)
        for host in self.settings.inventory.hosts:
            checkouts.check(self.settings.scope(host)[checkouts.KEY], self.report, where)
        containers = tuple(
            self._container(folder, name, container, host)
            for folder, name, container in self.topology.containers()
            for host in self.topology.hosts_of(folder, name)
        )
        return Desired(
            cloud_name=self.settings.cloud_name,
            cloud_id=self.settings.cloud_id,
            hosts=tuple(self.settings.inventory.hosts),
            containers=containers,
            jobs=tuple(self._jobs()),
            checks=tuple(self._checks()),
            canary_checks=tuple(self._canary_checks()),
            verbs=tuple(self._verbs()),
            release_checks=tuple(self._release_checks()) if self.course.stage is Stage.EXPANDED else (),
            back=tuple(self._back()) if self.course.stage in (Stage.SETTLED, Stage.FINISHING) else (),
            host_needs=host_needs(self.topology, self._service_renderer),
            requirements=tuple(requirements(self.topology, self._service_renderer)),
            endpoints=self.references.endpoints(),
            secrets=frozenset(s.reveal() for s in self.settings.passwords.values()),
            release=self.report.release,
            upgrade=self.course.change,
            upgrade_jobs=tuple(self._upgrade_jobs()),
            backups=tuple(
                verb_job(folder.name, provision.backup)
                for folder in self.settings.services
                for provision in folder.service.provides.values()
                if provision.backup is not None
            ),
            restores=tuple(self._restores()),
            volume_names=self.settings.scope(None)[volume_names.KEY],
            served=dict(self._served()),
            proxy=self._proxy(),
            data=volume_names.data(self.settings),
            former_volumes=volume_names.former(self.settings),
            adopting=bool(self.settings.scope(None)[adoption.SETTING]),
        )

    # -- rendering ---------------------------------------------------------------------------

    def _service_renderer(self, folder: ServiceFolder, host: str, container: str = "") -> Renderer:
        """Of a service, or of one container, which may be there for an `item`."""
        renderer = self._renderer(_Owner(folder), host)
        items = self.settings.items.get((folder.name, container))
        return renderer if items is None else replace(renderer, extra={**renderer.extra, "item": items[host]})

    def _renderer(self, owner: _Owner, host: str) -> Renderer:
        folder = owner.folder
        extra: dict[str, object] = {
            "service": folder.name,
            **self.topology.host_variables(host),
            "hostnames": self.topology.hostnames,
            "api_addresses": self.topology.api_addresses,
            "endpoints": self.topology.endpoints,
            "listeners": self.topology.listeners,
            # Whether another release than that of the images may run, too.
            "upgrading": self.course.stage is Stage.EXPANDED,
            "databases": self._databases(folder, host),
            "items": self._items(folder),
        }
        own = next(iter(folder.service.endpoints), None)
        if own is not None:
            extra["endpoint"] = self.topology.endpoints[own]
        for capability in folder.service.needs:
            provider = self.topology.provider(capability)
            if provider is not None:
                extra[capability.value] = ProviderView(
                    self.settings, self.topology, provider, capability, host, self.consumers[folder.name]
                )
        if owner.provision is not None and owner.provision.endpoint is not None:
            extra["endpoint"] = self.topology.endpoints[owner.provision.endpoint]
        if owner.consumer is not None:
            extra["consumer"] = owner.consumer
        return Renderer(self.settings, folder, host, extra, self.topology.listeners)

    def _databases(self, folder: ServiceFolder, host: str) -> dict[str, ProviderView]:
        """What the provider says of each database of a service: `databases.nova_api.url`."""
        provider = self.topology.provider(Capability.DATABASE)
        consumer = self.consumers[folder.name]
        if provider is None:
            return {}
        return {
            name: ProviderView(
                self.settings, self.topology, provider, Capability.DATABASE, host, consumer.only(name)
            )
            for name in consumer.databases
        }

    def _items(self, folder: ServiceFolder) -> dict[str, list[str]]:
        """Container of which there are several -> the hosts that have it."""
        known = self.settings.items.items()
        return {name: list(hosts) for (service, name), hosts in known if service == folder.name}

    def _built(self, name: str) -> tuple[Image, BuiltImage]:
        _, image = self.settings.catalogue.image(name)
        return image, self.report.image(name)

    # -- containers --------------------------------------------------------------------------

    def _container(
        self, folder: ServiceFolder, name: str, container: Container, host: str
    ) -> DesiredContainer:
        renderer = self._service_renderer(folder, host, name)
        image, built = self._built(container.image or name)
        config = self._config(renderer, name, container, image, renderer.command(container.command))
        hosts = self.topology.hosts_of(folder, name)
        interrupted = self._interrupted(folder, name)
        references = (*container.after, *self.references.before(folder, f"container/{name}"))
        return DesiredContainer(
            host=host,
            service=folder.name,
            name=name,
            spec=self._spec(renderer, engine_name(name), container, built, config.path),
            image=built,
            config=config,
            start_timeout=int(renderer.text(str(container.health.start_timeout))) if container.health else 30,
            after=self.references.after(folder, references, host),
            first=volume_names.volumes(self.settings, container.volumes)
            if FIRST in container.after
            else None,
            endpoints=interrupted,
            redundant=len(hosts) > 1 and not container.impact.alone,
            behind=self._behind(interrupted),
            listeners=self._listeners(folder, name),
            impact=container.impact,
            sources=_sources(renderer, container),
            reload=_reload(renderer, container),
            sockets=sockets(self.topology, folder, name, renderer),
            config_check=tuple(renderer.text(word) for word in container.config_check),
            user=self._user_number(container.user or image.user or "root"),
            replaces=container.replaces,
            formerly=tuple(engine_name(former) for former in container.formerly),
        )

    def _interrupted(self, folder: ServiceFolder, name: str) -> tuple[str, ...]:
        """The endpoints that nobody reaches without a container."""
        if Capability.PROXY in folder.service.provides:
            known = [item for f in self.settings.services for item in f.service.endpoints.items()]
            return tuple(sorted(other for other, endpoint in known if endpoint.proxy))
        return tuple(n for n, e in folder.service.endpoints.items() if e.container == name)

    def _listeners(self, folder: ServiceFolder, name: str) -> tuple[str, ...]:
        """The proxy's listeners that pass on to several hosts of a container."""
        own = {n for n, endpoint in folder.service.endpoints.items() if endpoint.container == name}
        return tuple(
            listener.name
            for listener in self.topology.listeners
            if listener.name in own and len(listener.members) > 1
        )

    def _proxy(self) -> Proxy | None:
        """How members are taken out of the proxy; None where there is none, or none that can do that."""
        folder = self.topology.provider(Capability.PROXY)
        if folder is None:
            return None
        provision = folder.service.provides[Capability.PROXY]
        if provision.container is None or not provision.drain:
            return None
        hosts = self.topology.hosts_of(folder, provision.container)
        if not hosts:
            return None
        renderer = self._service_renderer(folder, hosts[0])

        def words(command: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(renderer.text(word) for word in command)

        return Proxy(
            hosts=hosts,
            name=provision.container,
            drain=words(provision.drain),
            admit=words(provision.admit),
            drained=words(provision.drained),
        )

    def _served(self) -> Iterator[tuple[str, Served]]:
        """What each container of the catalogue serves, also of services that are switched off."""
        for folder in self.settings.catalogue.folders.values():
            for name, container in folder.service.containers.items():
                endpoints = self._interrupted(folder, name)
                yield engine_name(name), Served(endpoints, self._behind(endpoints), container.impact)

    def _behind(self, endpoints: tuple[str, ...]) -> tuple[str, ...]:
        """The services that need a capability which is reached at one of these endpoints."""
        services = self.settings.services
        offered = {
            capability
            for folder in services
            for capability, provision in folder.service.provides.items()
            if provision.endpoint in endpoints
        }
        return tuple(folder.name for folder in services if offered & set(folder.service.needs))

    def _user_number(self, name: str) -> int:
        users = (folder.service.users for folder in self.settings.catalogue.folders.values())
        return next((known[name].uid for known in users if name in known), 0)

    def _config(
        self,
        renderer: Renderer,
        name: str,
        container: Container,
        image: Image,
        command: str,
        *,
        own: Mapping[str, tuple[ConfigFile, RenderedFile]] | None = None,
        path: str | None = None,
    ) -> RenderedFolder:
        """The folder of a container, or (`own`, `path`) of a job that borrows the container's files."""
        user = container.user or image.user or "root"
        files = renderer.files(name, container.config) | dict(own or {})
        document: dict[str, object] = {
            "command": command,
            "config_files": [copy_entry(n, f, user) for n, (f, _) in files.items()],
            "directories": [
                # Jobs may run as another user; the group lets each of the service's users add files.
                {"path": f"{LOGS_PATH}/{renderer.folder.name}", "owner": f"{user}:kolla", "perm": "0775"},
                # Of a container that runs as root the volumes still are the service's.
                *(
                    {"path": path_, "owner": image.user or user, "perm": mode}
                    for path_, mode in _directories(container).items()
                ),
            ],
        }
        if container.user is not None:
            document["user"] = container.user
        rendered = {n: r for n, (_, r) in files.items()}
        rendered["config.json"] = renderer.config_json(name, document)
        node_config = str(self.settings.scope(renderer.host)["node_config"])
        return RenderedFolder(path or f"{node_config}/{name}", rendered)

    def _spec(
        self,
        renderer: Renderer,
        name: str,
        container: Container,
        image: BuiltImage,
        folder: str,
        *,
        job: bool = False,
    ) -> ContainerSpec:
        given = self.settings.scope(renderer.host)[checkouts.KEY]
        development = checkouts.mounts(given, checkouts.installed(self.report, image)) if given else {}
        mounts = [
            Mount(type="bind", source=folder, target=CONFIG_FILES, read_only=True),
            volume_names.mount(self.settings, volume_names.LOGS, LOGS_PATH),
            *(volume_names.mount(self.settings, volume, t) for volume, t in container.volumes.items()),
            *(self._bind(renderer, bind) for bind in container.binds),
            *(Mount(type="tmpfs", target=target) for target in container.tmpfs),
            *development.values(),
        ]
        environment = {key: renderer.text(value) for key, value in container.environment.items()}
        environment |= {"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS", "KOLLA_SERVICE_NAME": name}
        if development:
            environment["PYTHONPATH"] = checkouts.python_path(development)
        security = (*container.security_options, *(() if container.new_privileges else (NO_NEW_PRIVILEGES,)))
        assert image.id is not None  # BuildReport.image() refuses images without one
        return ContainerSpec(
            name=name,
            image=image.id,
            environment=environment,
            mounts=tuple(sorted(mounts, key=lambda mount: mount.target)),
            pid_mode=container.pid or "",
            cgroup_mode=container.cgroup or "private",
            devices=tuple(sorted({device for text in container.devices if (device := renderer.text(text))})),
            capabilities=tuple(sorted({*START_CAPABILITIES, *container.capabilities})),
            security_options=tuple(sorted(set(security))),
            restart_policy="no" if job else "unless-stopped",
            stop_timeout=container.stop_timeout,
            health=None if job or container.health is None else self._health(renderer, container),
        )

    @staticmethod
    def _bind(renderer: Renderer, bind: Bind) -> Mount:
        return Mount(
            type="bind",
            source=renderer.text(bind.source),
            target=bind.target,
            read_only=bind.read_only,
            propagation=bind.propagation,
        )

    @staticmethod
    def _health(renderer: Renderer, container: Container) -> HealthCheck:
        health = container.health
        assert health is not None
        return HealthCheck(
            command=health_command(renderer, health, container.command),
            interval=health.interval,
            timeout=health.timeout,
            retries=health.retries,
        )

    # -- jobs --------------------------------------------------------------------------------

    def _jobs(self) -> Iterator[DesiredJob]:
        for folder in self.settings.services:
            for name, job in folder.service.jobs.items():
                yield from self._job(_Owner(folder), f"{folder.name}/{name}", job, f"job/{name}")
        for provider, capability, provision, consumer in self._provisions():
            if provision.job is not None and consumer.wants(capability):
                name = provision_job(provider, capability, consumer.name)
                yield from self._job(_Owner(provider, provision, consumer), name, provision.job, None)

    def _provisions(self) -> Iterator[tuple[ServiceFolder, Capability, Provision, Consumer]]:
        for provider in self.settings.services:
            for capability, provision in provider.service.provides.items():
                for consumer in self.consumers.values():
                    yield provider, capability, provision, consumer

    def _checks(self) -> Iterator[DesiredJob]:
        for folder in self.settings.services:
            for name, check in folder.service.checks.items():
                if check.canary is None:
                    for job in self._job(_Owner(folder), f"{folder.name}/check-{name}", check.job, None):
                        yield replace(job, description=check.description)

    def _canary_checks(self) -> Iterator[tuple[str, DesiredJob]]:
        for folder in self.settings.services:
            for name, check in folder.service.checks.items():
                for host in self.topology.hosts_of(folder, check.canary) if check.canary else ():
                    assert check.canary is not None
                    of, subject = container_id(check.canary, host), self.topology.hostnames[host]
                    # Several are run at the same time, so each has a name of its own.
                    for job in self._job(
                        _Owner(folder), f"{folder.name}/check-{name}-{host}", check.job, None
                    ):
                        yield of, replace(told(job, subject), description=check.description)

    def _verbs(self) -> Iterator[DesiredJob]:
        for folder in self.settings.services:
            for name, verb in folder.service.verbs.items():
                for job in self._job(_Owner(folder), verb_job(folder.name, name), verb.job, None):
                    yield replace(job, description=verb.description)
                if verb.check is not None:
                    yield from self._job(_Owner(folder), verb_check(folder.name, name), verb.check, None)
                if verb.chooses is not None:
                    yield from self._job(_Owner(folder), verb_choice(folder.name, name), verb.chooses, None)
            leaving = folder.service.leaving
            if leaving is not None and leaving.occupied is not None:
                yield from self._job(_Owner(folder), occupied_job(folder.name), leaving.occupied, None)
            if leaving is not None and leaving.forget is not None:
                yield from self._job(_Owner(folder), forget_job(folder.name), leaving.forget, None)

    def _release_checks(self) -> Iterator[DesiredJob]:
        for folder in self.settings.services:
            for name, job in folder.service.upgrade.checks.items():
                yield from self._job(_Owner(folder), f"{folder.name}/upgrade-check-{name}", job, None)

    def _back(self) -> Iterator[DesiredJob]:
        for folder in self.settings.services:
            for name, job in folder.service.upgrade.back.items():
                yield from self._job(_Owner(folder), f"{folder.name}/{name}", job, None)

    def _restores(self) -> Iterator[Restore]:
        services = [folder.service for folder in self.settings.services]
        for folder in self.settings.services:
            for provision in folder.service.provides.values():
                if provision.backup is None or provision.restore is None:
                    continue
                verb = folder.service.verbs[provision.restore]
                yield Restore(
                    service=folder.name,
                    backup=verb_job(folder.name, provision.backup),
                    job=verb_job(folder.name, provision.restore),
                    check=verb_check(folder.name, provision.restore) if verb.check else "",
                    volumes=volume_names.volumes(self.settings, verb.replaces),
                    services=(folder.name, *sorted(consumers(folder.service, services, verb.replaces))),
                    loses=verb.loses,
                )

    def _upgrade_jobs(self) -> Iterator[str]:
        for folder in self.settings.services:
            upgrade = folder.service.upgrade
            yield from (f"{folder.name}/{n}" for n in (*upgrade.expand, *upgrade.finish, *upgrade.back))

    def _job(self, owner: _Owner, name: str, job: Job, reference: str | None) -> Iterator[DesiredJob]:
        for host in self.references.job_hosts(owner.folder, job):
            yield self._job_on(host, owner, name, job, reference)

    def _job_on(self, host: str, owner: _Owner, name: str, job: Job, reference: str | None) -> DesiredJob:
        folder = owner.folder
        renderer = self._renderer(owner, host)
        if job.container is not None:
            container = folder.service.containers[job.container]
            image_name = container.image or job.container
        else:
            assert job.image is not None  # the loader asks for one of the two
            container, image_name = Container(command=""), job.image
        own_places = {
            "binds": (*container.binds, *job.binds),
            "volumes": {**container.volumes, **job.volumes},
        }
        container = container.model_copy(update=own_places)
        image, built = self._built(image_name)
        command = shlex.join(renderer.text(word) for word in job.command)
        own = renderer.files(job.container or name, job.config)
        path = f"{self.settings.scope(host)['node_config']}/jobs/{name.replace('/', '-')}"
        config = self._config(
            renderer,
            job.container or name,
            container,
            image,
            command,
            own=own,
            path=path,
        )
        references = (*job.after, *(self.references.before(folder, reference) if reference else ()))
        after = set(
            self.references.after(folder, references, host, everywhere=not (job.each_host or job.first))
        )
        if owner.provision is not None and owner.provision.endpoint is not None:
            after.add(endpoint_id(owner.provision.endpoint, host))
        return DesiredJob(
            host=host,
            service=owner.consumer.name if owner.consumer else folder.name,
            name=name,
            spec=self._spec(renderer, engine_name(name.replace("/", "-")), container, built, path, job=True),
            image=built,
            config=config,
            key=job_key(command, built, {n: r for n, (_, r) in own.items()}),
            volumes=tuple(sorted(self.references.volumes(folder, owner.provision, job, container, host))),
            after=tuple(sorted(after)),
            timeout=job.timeout,
            own_volumes=volume_names.volumes(self.settings, job.volumes),
            present=engine_name(job.container) if job.present and job.container else "",
            success=job.success,
            takeover=job.takeover,
            first_of=(job.container or "") if job.first else "",
            description=job.description,
        )


def verb_job(service: str, verb: str) -> str:
    """Name of the job of a verb: `keystone/verb-rotate-keys`."""
    return f"{service}/verb-{verb}"


def verb_check(service: str, verb: str) -> str:
    """Name of the job that is run before that of a verb: `mariadb/before-restore`."""
    return f"{service}/before-{verb}"


def verb_choice(service: str, verb: str) -> str:
    """Name of the job by which a verb chooses a host: `mariadb/choice-mariadb-recovery`."""
    return f"{service}/choice-{verb}"


def occupied_job(service: str) -> str:
    """Name of the job that says whether a host may leave: `nova/host-occupied`."""
    return f"{service}/host-occupied"


def forget_job(service: str) -> str:
    """Name of the job by which a service forgets a host: `nova/host-forget`."""
    return f"{service}/host-forget"


SET_CONFIGS = ("kolla_set_configs",)
"""What puts the files of its folder in their places inside a container (the container contract)."""


def _reload(renderer: Renderer, container: Container) -> tuple[tuple[str, ...], ...]:
    """The commands that take changed files into use in a container that goes on running."""
    own = tuple(renderer.text(word) for word in container.reload)
    return (SET_CONFIGS, own) if own else ()


def _sources(renderer: Renderer, container: Container) -> dict[str, str]:
    """The settings behind each part of a container's spec that is written as an expression."""
    texts = {f"environment {name}": text for name, text in container.environment.items()}
    texts["mounts"] = "".join(bind.source for bind in container.binds)
    health = container.health
    if health is not None:
        texts["health command"] = "".join((health.http or "", health.listen or "", *health.command))
    return {what: source for what, text in texts.items() if (source := renderer.origin(text))}


def _directories(container: Container) -> dict[str, str]:
    """Path -> mode of what is made at every start; volumes first, as the others may be below one."""
    return dict.fromkeys(container.volumes.values(), "0750") | container.directories


def job_key(command: str, image: BuiltImage, own: Mapping[str, RenderedFile]) -> str:
    """Three short hashes, so that a plan can tell which of them changed: command, image, own files."""
    files = json.dumps([[name, file.sha256] for name, file in sorted(own.items())])
    parts = (command, image.id or "", files)
    return ".".join(hashlib.sha256(part.encode()).hexdigest()[:16] for part in parts)


def health_command(renderer: Renderer, health: Health, command: str) -> tuple[str, ...]:
    """The health check as a command of the image's scripts (the container contract)."""
    if health.http is not None:
        return ("healthcheck_curl", renderer.text(health.http))
    if health.listen is not None:
        process = shlex.split(renderer.text(command))[0].rsplit("/", 1)[-1]
        return ("healthcheck_listen", process, renderer.text(health.listen))
    if health.connected is not None:
        return ("healthcheck_port", *shlex.split(renderer.text(health.connected)))
    return tuple(renderer.text(word) for word in health.command)
