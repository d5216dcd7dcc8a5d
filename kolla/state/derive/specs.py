"""What the engine is asked for a container or a job."""

from __future__ import annotations

import shlex

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.model import Bind, Container, Health
from kolla.catalogue.privileges import START_CAPABILITIES
from kolla.state import checkouts, volume_names
from kolla.state.render import CONFIG_FILES, Renderer
from kolla.state.spec import NO_NEW_PRIVILEGES, ContainerSpec, HealthCheck, Mount

LOGS_PATH = "/var/log/kolla"


def container_spec(
    renderer: Renderer,
    report: BuildReport,
    name: str,
    container: Container,
    image: BuiltImage,
    folder: str,
    *,
    job: bool = False,
) -> ContainerSpec:
    """Everything that is asked of it; `folder`: the configuration folder on the host."""
    given = renderer.settings.scope(renderer.host)[checkouts.KEY]
    development = checkouts.mounts(given, checkouts.installed(report, image)) if given else {}
    mounts = [
        Mount(type="bind", source=folder, target=CONFIG_FILES, read_only=True),
        volume_names.mount(renderer.settings, volume_names.LOGS, LOGS_PATH),
        *(volume_names.mount(renderer.settings, volume, t) for volume, t in container.volumes.items()),
        *(mount for bind in container.binds if (mount := _bind(renderer, bind)).source),
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
        capabilities=_capabilities(renderer, container),
        security_options=tuple(sorted(set(security))),
        restart_policy="no" if job else "unless-stopped",
        stop_timeout=container.stop_timeout,
        health=None if job or container.health is None else _health(renderer, container),
    )


def _capabilities(renderer: Renderer, container: Container) -> tuple[str, ...]:
    here = (name for name, where in container.capabilities_where.items() if renderer.holds(where))
    return tuple(sorted({*START_CAPABILITIES, *container.capabilities, *here}))


def _bind(renderer: Renderer, bind: Bind) -> Mount:
    return Mount(
        type="bind",
        source=renderer.text(bind.source),
        target=bind.target,
        read_only=bind.read_only,
        propagation=bind.propagation,
    )


def _health(renderer: Renderer, container: Container) -> HealthCheck:
    health = container.health
    assert health is not None
    return HealthCheck(
        command=_health_command(renderer, health, container.command),
        interval=health.interval,
        timeout=health.timeout,
        retries=health.retries,
    )


def _health_command(renderer: Renderer, health: Health, command: str) -> tuple[str, ...]:
    """The health check as a command of the image's scripts (the container contract)."""
    if health.http is not None:
        return ("healthcheck_curl", renderer.text(health.http))
    if health.listen is not None:
        process = shlex.split(renderer.text(command))[0].rsplit("/", 1)[-1]
        return ("healthcheck_listen", process, renderer.text(health.listen))
    if health.connected is not None:
        return ("healthcheck_port", *shlex.split(renderer.text(health.connected)))
    return tuple(renderer.text(word) for word in health.command)
