"""Override files that nothing reads, or nobody can: found before any host is asked for anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from kolla.catalogue.model import ConfigFile, ServiceFolder
from kolla.config.layers import config_json_paths, paths
from kolla.config.merge import file_format, keys
from kolla.errors import InputError, Location, did_you_mean, nearest, raise_all
from kolla.settings import Settings, expressions
from kolla.settings.expressions import render


def check(settings: Settings) -> tuple[str, ...]:
    """Warnings about override files that no layer reads; InputError for one that cannot be understood.

    In the folder of an enabled service such a file is an InputError naming the nearest path that
    would be read; in a disabled service's folder, or anywhere else, it is a warning.
    """
    known = readable(settings)
    enabled = {folder.name for folder in settings.services}
    warnings: list[str] = []
    errors: list[InputError] = []
    for relative, path in settings.overrides.files.items():
        if relative in known:
            errors += _malformed(settings, relative, path, known[relative])
            continue
        top = PurePosixPath(relative).parts[0]
        is_folder = top != relative
        if is_folder and top in enabled:
            nearby = [name for name in known if name.startswith(f"{top}/")]
            match = _nearest_path(relative, nearby)
            errors.append(
                InputError(
                    "nothing reads this file",
                    where=Location(path),
                    expected=None
                    if match
                    else f"one of {', '.join(sorted(nearby)) or 'none: it has no files'}",
                    hint=f"did you mean config/{match}?" if match else None,
                )
            )
        elif is_folder and top in settings.catalogue.folders:
            warnings.append(f"{path}: not used, service '{top}' is not enabled")
        else:
            hint = did_you_mean(
                top, settings.catalogue.folders if is_folder else (n for n in known if "/" not in n)
            )
            warnings.append(f"{path}: nothing reads this file" + (f"; {hint}" if hint else ""))
    raise_all(errors)
    return tuple(warnings)


def readable(settings: Settings) -> dict[str, str]:
    """Every path below config/ that some layer of an enabled service would read -> how it is merged."""
    return dict(_readable(settings))


def _nearest_path(relative: str, readable: Sequence[str]) -> str | None:
    """The path most likely meant: the same file elsewhere, else the most similar path."""
    name = PurePosixPath(relative).name
    same = sorted((path for path in readable if PurePosixPath(path).name == name), key=len)
    return same[0] if same else nearest(relative, readable)


def _malformed(settings: Settings, relative: str, path: Path, format: str) -> Iterator[InputError]:
    """What would be wrong with an override file wherever it is merged; what depends on the values of
    expressions in it shows only then."""
    try:
        text = settings.overrides.text(relative)
        if expressions.is_expression(text):
            expressions.check(text, Location(path, 1))
        else:
            keys(format, text, path)
    except InputError as error:
        yield error


def _readable(settings: Settings) -> Iterator[tuple[str, str]]:
    """The same, in the order of services; a path may be read by several."""
    for folder in settings.services:
        for container, group, config in _rendered(folder):
            for host in settings.hosts_of(group) if group else settings.inventory.hosts:
                if container in folder.service.containers:
                    yield from ((path, "json") for path in config_json_paths(folder, container, host))
                for name, file in config.items():
                    for own_name in _names(name, file, settings, folder):
                        format = file_format(own_name, file)
                        yield from ((p, format) for p in paths(folder, container, own_name, file, host))


def _rendered(folder: ServiceFolder) -> Iterator[tuple[str, str | None, Mapping[str, ConfigFile]]]:
    """What has configuration files: its name, its group (None: any host), its files."""
    service = folder.service
    for name, container in service.containers.items():
        yield name, container.group or folder.name, container.config
    for name, job in service.jobs.items():
        yield name, None, job.config
    for capability, provision in service.provides.items():
        if provision.job:
            yield capability.value, None, provision.job.config
    for name, check_ in service.checks.items():
        yield name, None, check_.job.config
    for name, verb in service.verbs.items():
        for part in filter(None, (verb.job, verb.check, verb.chooses)):
            yield name, None, part.config
    for part in filter(None, (service.leaving.occupied, service.leaving.forget) if service.leaving else ()):
        yield folder.name, None, part.config


def _names(name: str, file: ConfigFile, settings: Settings, folder: ServiceFolder) -> Iterator[str]:
    """A file's name; one for each proxied endpoint, if it is rendered for each."""
    if file.for_each is None:
        yield name
        return
    where = settings.catalogue.where(folder.name)
    for other in settings.services:
        for endpoint, declared in other.service.endpoints.items():
            if declared.proxy:
                yield render(name, {"listener": {"name": endpoint}}, where)
