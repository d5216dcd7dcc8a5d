"""The containers of the desired state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kolla.catalogue.model import FIRST, Container, ServiceFolder
from kolla.state import volume_names
from kolla.state.derive.folders import config_folder
from kolla.state.derive.inputs import Inputs
from kolla.state.derive.renderers import Renderers
from kolla.state.derive.specs import container_spec
from kolla.state.derive.traffic import Traffic
from kolla.state.desired import DesiredContainer
from kolla.state.render import Renderer
from kolla.state.sockets import sockets
from kolla.state.topology import engine_name

SET_CONFIGS = ("kolla_set_configs",)
"""What puts the files of its folder in their places inside a container (the container contract)."""


@dataclass(frozen=True)
class Containers:
    """Derives every container of every host."""

    inputs: Inputs
    renderers: Renderers
    traffic: Traffic

    def all(self) -> Iterator[DesiredContainer]:
        """In the catalogue's order, then the inventory's."""
        for folder, name, container in self.inputs.topology.containers():
            for host in self.inputs.topology.hosts_of(folder, name):
                yield self._container(folder, name, container, host)

    def _container(
        self, folder: ServiceFolder, name: str, container: Container, host: str
    ) -> DesiredContainer:
        renderer = self.renderers.of_service(folder, host, name)
        image, built = self.inputs.built(container.image or name)
        config = config_folder(renderer, name, container, image, renderer.command(container.command))
        hosts = self.inputs.topology.hosts_of(folder, name)
        interrupted = self.traffic.interrupted(folder, name)
        references = (*container.after, *self.inputs.references.before(folder, f"container/{name}"))
        return DesiredContainer(
            host=host,
            service=folder.name,
            name=name,
            spec=container_spec(
                renderer, self.inputs.report, engine_name(name), container, built, config.path
            ),
            image=built,
            config=config,
            start_timeout=int(renderer.text(str(container.health.start_timeout))) if container.health else 30,
            after=self.inputs.references.after(folder, references, host),
            first=volume_names.volumes(self.inputs.settings, container.volumes)
            if FIRST in container.after
            else None,
            endpoints=interrupted,
            redundant=len(hosts) > 1 and not container.impact.alone,
            behind=self.traffic.behind(interrupted),
            listeners=self.traffic.listeners(folder, name),
            impact=container.impact,
            sources=_sources(renderer, container),
            reload=_reload(renderer, container),
            sockets=sockets(self.inputs.topology, folder, name, renderer),
            config_check=tuple(renderer.text(word) for word in container.config_check),
            user=self._user_number(container.user or image.user or "root"),
            replaces=container.replaces,
            cannot_succeed=container.cannot_succeed,
            update_order=container.update_order,
            formerly=tuple(engine_name(former) for former in container.formerly),
            list_of=self.inputs.settings.lists.get((folder.name, name), ""),
        )

    def _user_number(self, name: str) -> int:
        users = (folder.service.users for folder in self.inputs.settings.catalogue.folders.values())
        return next((known[name].uid for known in users if name in known), 0)


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
