"""The configuration folder of a container or a job."""

from __future__ import annotations

from collections.abc import Mapping

from kolla.catalogue.model import ConfigFile, Container, Image
from kolla.state.derive.specs import LOGS_PATH
from kolla.state.render import RenderedFile, RenderedFolder, Renderer, copy_entry


def config_folder(
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
    node_config = str(renderer.settings.scope(renderer.host)["node_config"])
    return RenderedFolder(path or f"{node_config}/{name}", rendered)


def _directories(container: Container) -> dict[str, str]:
    """Path -> mode of what is made at every start; volumes first, as the others may be below one."""
    return dict.fromkeys(container.volumes.values(), "0750") | container.directories
