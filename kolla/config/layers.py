"""Which override files are merged over a template, and in which order."""

from __future__ import annotations

from kolla.catalogue.model import Capability, ConfigFile, ServiceFolder
from kolla.config.merge import file_format

CONFIG_JSON = "config.json"


def paths(
    folder: ServiceFolder, container: str, file: str, config_file: ConfigFile, host: str
) -> tuple[str, ...]:
    """Paths below `config/`, later ones winning; most of them do not exist.

    `container` is the container or job the file is for, `file` its name with expressions evaluated.
    The order is the one operators of the field know. Files that oslo.config reads take the cloud-wide
    layers as well, those for databases and messaging only if the service needs these.
    """
    name, needs = folder.name, folder.service.needs
    found = []
    if file_format(file, config_file) == "oslo":
        found.append("global.conf")
        if Capability.DATABASE in needs:
            found.append("database.conf")
        if Capability.MESSAGE_BUS in needs:
            found.append("messaging.conf")
        found.append(f"{name}.conf")
    found.append(f"{name}/{file}")
    if file_format(file, config_file) == "oslo":
        found.append(f"{name}/{container}.conf")
    found.append(f"{name}/{host}/{file}")
    return tuple(dict.fromkeys(found))


def config_json_paths(folder: ServiceFolder, container: str, host: str) -> tuple[str, ...]:
    """Paths of the operator's overrides of a container's config.json, merged as JSON."""
    return (
        f"{folder.name}/{container}/{CONFIG_JSON}",
        f"{folder.name}/{host}/{container}/{CONFIG_JSON}",
    )
