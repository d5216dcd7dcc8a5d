"""From templates and override layers to the files of one configuration folder."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kolla.catalogue.model import Capability, ConfigFile, ServiceFolder
from kolla.config.layers import config_json_paths, paths
from kolla.config.merge import Layer, Merged, file_format, merge
from kolla.errors import InputError, Location, did_you_mean
from kolla.secret import revealing
from kolla.settings import Settings
from kolla.settings.expressions import UndefinedVariable, evaluate, render, resolve
from kolla.settings.origins import lines, origin
from kolla.state.plan import FileEntry, Folder
from kolla.state.topology import Listener, service_file

CONFIG_FILES = "/var/lib/kolla/config_files"
"""Where the start script finds a container's folder (the container contract)."""


@dataclass(frozen=True)
class RenderedFile:
    """A file's content, as secret as the secrets in it, and which layer set what."""

    merged: Merged = field(repr=False)
    format: str
    secrets: frozenset[str] = field(repr=False, default=frozenset())
    reloadable: bool = False
    """Whether the container's `reload` takes another content of it into use."""

    @property
    def content(self) -> bytes:
        """Bytes for the host."""
        return self.merged.text.encode()

    @property
    def sha256(self) -> str:
        """Digest of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class RenderedFolder:
    """The configuration folder of a container or a job."""

    path: str
    files: Mapping[str, RenderedFile]

    @property
    def folder(self) -> Folder:
        """What a plan says about it: names and digests."""
        entries = (FileEntry(name=name, sha256=file.sha256) for name, file in sorted(self.files.items()))
        return Folder(path=self.path, files=tuple(entries))


@dataclass(frozen=True)
class Renderer:
    """Renders for one service on one host."""

    settings: Settings
    folder: ServiceFolder
    host: str
    extra: Mapping[str, object]
    listeners: Sequence[Listener] = ()

    def files(
        self, container: str, config: Mapping[str, ConfigFile]
    ) -> dict[str, tuple[ConfigFile, RenderedFile]]:
        """Every file of `config` that exists on this host, by name."""
        return {name: (file, rendered) for name, file, rendered in self._files(container, config)}

    def _files(
        self, container: str, config: Mapping[str, ConfigFile]
    ) -> Iterator[tuple[str, ConfigFile, RenderedFile]]:
        for name, file in config.items():
            if file.for_each is None:
                rendered = self._file(container, name, file, {})
                if rendered is not None:
                    yield name, file, rendered
                continue
            for listener in self.listeners:
                extra: dict[str, object] = {"listener": listener}
                own_name = self._text(name, extra, self._place(name))
                rendered = self._file(container, own_name, file, extra)
                if rendered is not None:
                    yield own_name, file, rendered

    def _file(
        self, container: str, name: str, file: ConfigFile, extra: Mapping[str, object]
    ) -> RenderedFile | None:
        if not self.holds(file.when):
            return None
        with revealing() as exposure:
            layers = []
            extra = {"container": container, **extra, **self._variables(file, extra)}
            if not file.optional:
                layers.append(self._template(file.template or f"{name}.j2", extra, file.variables))
            layers += self._overrides(paths(self.folder, container, name, file, self.host), extra)
            if not layers:
                return None
            format_ = file_format(name, file)
            merged = merge(format_, layers)
        return RenderedFile(
            merged, format_, frozenset(exposure.secrets), reloadable=file.on_change == "reload"
        )

    def holds(self, expression: str) -> bool:
        """Whether an expression of the service is true on this host."""
        if expression == "true":
            return True
        return bool(evaluate(expression, self.settings.scope(self.host, self.extra), self._place(expression)))

    def _variables(self, file: ConfigFile, extra: Mapping[str, object]) -> dict[str, object]:
        scope = self.settings.scope(self.host, {**self.extra, **extra})
        return {name: resolve(text, scope, self._place(text)) for name, text in file.variables.items()}

    def _template(self, name: str, extra: Mapping[str, object], variables: Mapping[str, str]) -> Layer:
        path = self.settings.catalogue.template(self.folder, name)
        if not path.is_file():
            known = sorted(p.name for p in path.parent.glob("*.j2"))
            raise InputError(
                f"template '{name}' does not exist",
                where=service_file(self.folder),
                expected=f"a file in {path.parent}",
                hint=did_you_mean(name, known),
            )
        text = path.read_text()
        settings = lines(self.settings, self.host, text, variables)
        return Layer(f"template {name}", self._text(text, extra, Location(path)), settings=settings)

    def _overrides(self, relative: Sequence[str], extra: Mapping[str, object]) -> list[Layer]:
        overrides = self.settings.overrides
        return [
            Layer(f"config/{path}", self._text(overrides.text(path), extra, Location(overrides.files[path])))
            for path in relative
            if path in overrides.files
        ]

    def config_json(self, container: str, document: Mapping[str, Any]) -> RenderedFile:
        """The container's config.json, with the operator's override of it merged in."""
        base = Layer("the catalogue", json.dumps(document, indent=2, sort_keys=True) + "\n")
        with revealing() as exposure:
            layers = self._overrides(config_json_paths(self.folder, container, self.host), {})
            merged = merge("json", [base, *layers])
        return RenderedFile(merged, "json", frozenset(exposure.secrets))

    def origin(self, expression: str) -> str:
        """The settings an expression of service.yml is made from, and where they are set."""
        return origin(self.settings, self.host, expression)

    def text(self, expression: str) -> str:
        """An expression of service.yml as text. InputError when a secret would show in it."""
        with revealing() as exposure:
            value = self._text(expression, {}, self._place(expression))
        if exposure.happened:
            raise InputError(
                f"a secret would be visible: {expression!r}",
                where=self._place(expression),
                expected="secrets only in configuration files",
            )
        return value

    def command(self, expression: str) -> str:
        """An expression that is a command, as the start script will split it into words."""
        value = self.text(expression)
        try:
            words = shlex.split(value)
        except ValueError as error:
            words, problem = [], str(error).lower()
        else:
            problem = "it is empty"
        if not words:
            raise InputError(
                f"not a command: {problem}",
                where=self._place(expression),
                expected="a program and its arguments, quoted as for a shell",
            )
        return value

    def _place(self, expression: str) -> Location:
        return self.settings.catalogue.find(self.folder.name, expression)

    def _text(self, text: str, extra: Mapping[str, object], where: Location) -> str:
        if "{" not in text:
            return text
        try:
            return render(text, self.settings.scope(self.host, {**self.extra, **extra}), where)
        except UndefinedVariable as error:
            if error.name in set(Capability) - set(self.folder.service.needs):
                hint = f"add '{error.name}' to the needs of service '{self.folder.name}'"
                raise UndefinedVariable(error.what, where=error.where, hint=hint) from None
            raise


def copy_entry(name: str, file: ConfigFile, user: str) -> dict[str, Any]:
    """The config.json entry that places one file (the container contract)."""
    destination = file.to + name if file.to.endswith("/") else file.to
    return {
        "source": f"{CONFIG_FILES}/{name}",
        "dest": destination,
        "owner": file.owner or user,
        "perm": file.mode,
    }
