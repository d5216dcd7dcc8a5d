"""Configuration that a program of the image checks itself. Pure."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kolla.errors import Location
from kolla.secret import MASK
from kolla.state.configured import OPERATOR, Configured, Fault
from kolla.state.desired import Desired
from kolla.state.render import RenderedFile

CONFIG_JSON = "config.json"


@dataclass(frozen=True, eq=False)
class Checkable(Configured):
    """The whole folder of a container whose image has a program that checks it."""

    command: tuple[str, ...]

    @property
    def key(self) -> str:
        """A hash of everything that the check depends on."""
        files = [(name, file.sha256) for name, file in sorted(self.files.items())]
        return hashlib.sha256(json.dumps([self.image.id, self.command, files]).encode()).hexdigest()

    @property
    def folder(self) -> dict[str, str]:
        """The folder, with the check for a command."""
        texts = {name: file.merged.text for name, file in self.files.items()}
        document = {**json.loads(texts[CONFIG_JSON]), "command": shlex.join(self.command)}
        return {**texts, CONFIG_JSON: json.dumps(document)}

    def fault(self, said: str, overrides: Mapping[str, Path]) -> Fault:
        """What is to be told when the program refuses its configuration, which may repeat secrets."""
        for secret in {secret for file in self.files.values() for secret in file.secrets}:
            said = said.replace(secret, MASK)
        own = sorted({layer for file in self.files.values() for layer in _own(file)})
        paths = [overrides[layer.removeprefix(OPERATOR)] for layer in own]
        return Fault(
            where=Location(paths[0]) if len(paths) == 1 else None,
            layer=self.name,
            section="",
            key=shlex.join(self.command),
            what=said,
            expected=None,
            hint=f"yours in it: {', '.join(map(str, paths))}" if len(paths) > 1 else None,
            error=True,
            kind="value",
            readers=(self,),
        )


def checkable(desired: Desired) -> tuple[Checkable, ...]:
    """The containers with such a program, each set of files once."""
    found: dict[str, Checkable] = {}
    for container in desired.containers:
        if not container.config_check:
            continue
        one = Checkable(
            container.image,
            container.service,
            container.name,
            (container.host,),
            container.config.files,
            container.config_check,
        )
        same = found.get(one.key, one)
        found[one.key] = replace(same, hosts=tuple(dict.fromkeys((*same.hosts, container.host))))
    return tuple(found.values())


def _own(file: RenderedFile) -> Iterable[str]:
    """The operator's layers that set anything in a file."""
    return {layer for layer in file.merged.origins.values() if layer.startswith(OPERATOR)}
