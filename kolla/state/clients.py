"""The files people use a cloud with, rendered from the services' templates."""

from __future__ import annotations

from collections.abc import Mapping

from kolla.errors import Location
from kolla.secret import revealing
from kolla.settings import Settings
from kolla.settings.expressions import render
from kolla.state.facts import HostFacts
from kolla.state.topology import Topology


def client_files(settings: Settings, facts: Mapping[str, HostFacts]) -> dict[str, str]:
    """Name -> text of every file an enabled service declares in `client_files`. They hold secrets."""
    topology = Topology(settings, facts)
    files = {}
    for folder in settings.services:
        extra: dict[str, object] = {"endpoints": topology.endpoints}
        own = next(iter(folder.service.endpoints), None)
        if own is not None:
            extra["endpoint"] = topology.endpoints[own]
        for name, template in folder.service.client_files.items():
            path = folder.path / "config" / template
            with revealing():
                files[name] = render(path.read_text(), settings.scope(None, extra), Location(path))
    return files
