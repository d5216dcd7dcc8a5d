"""What must hold between globals, passwords, inventory and catalogue. Each finding is one error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kolla.catalogue.catalogue import EVERYWHERE, Catalogue
from kolla.catalogue.model import Capability, ServiceFolder
from kolla.errors import InputError, Location, did_you_mean
from kolla.secret import Secret
from kolla.settings import expressions, fields
from kolla.settings import globals as globals_file
from kolla.settings import passwords as passwords_file
from kolla.settings.globals import Globals
from kolla.settings.inventory import Inventory
from kolla.settings.keys import enable_key
from kolla.settings.scope import Given, Scope

OPTIONAL = frozenset({Capability.PROXY})
"""Capabilities that may be missing: without a proxy, endpoints are reached directly."""

_CLOUD_NAME = r"[a-z0-9][a-z0-9_-]*"


def enabled(
    catalogue: Catalogue, cloud: Mapping[str, Any]
) -> tuple[tuple[ServiceFolder, ...], list[InputError]]:
    """The services that are switched on, and what is wrong with the switches and the cloud's name."""
    found: list[ServiceFolder] = []
    errors: list[InputError] = []
    for folder in catalogue.folders.values():
        if folder.service.enabled is None:
            continue
        try:
            if cloud[enable_key(folder.name)]:
                found.append(folder)
        except InputError as error:
            errors.append(error)
    try:
        if not re.fullmatch(_CLOUD_NAME, str(cloud["cloud_name"])):
            errors.append(
                InputError(
                    f"'{cloud['cloud_name']}' cannot be the cloud_name",
                    expected="lower-case letters, digits, - and _: it is part of paths",
                )
            )
    except InputError as error:
        errors.append(error)
    return tuple(found), errors


def needing(
    catalogue: Catalogue, services: Sequence[ServiceFolder], cloud: Mapping[str, Any]
) -> tuple[tuple[ServiceFolder, ...], list[InputError]]:
    """The services with what they need in this cloud among their needs, and what is wrong with that."""
    found: list[ServiceFolder] = []
    errors: list[InputError] = []
    for folder in services:
        service, needs = folder.service, list(folder.service.needs)
        for capability, condition in service.may_need.items():
            try:
                if expressions.evaluate(condition, cloud, catalogue.find(folder.name, condition)) is True:
                    needs.append(capability)
            except InputError as error:
                errors.append(error)
        changed = service.model_copy(update={"needs": tuple(dict.fromkeys(needs))})
        found.append(folder.model_copy(update={"service": changed}))
    return tuple(found), errors


def host_values(
    globals_: Globals, inventory: Inventory
) -> tuple[dict[str, dict[str, Given]], list[InputError]]:
    """Host -> what the inventory says about it; and what it must not say."""
    where = Location(Path(inventory.sources[0] if inventory.sources else "inventory"))
    values: dict[str, dict[str, Given]] = {}
    misplaced: dict[str, list[str]] = {}
    errors: list[InputError] = []
    secret = passwords_file.expected(globals_.catalogue)
    for host, variables in inventory.host_vars.items():
        values[host] = {}
        for name, value in variables.items():
            item = Given(value, where)
            key = globals_.keys.get(name)
            if name in secret or (key is not None and key.setting.scope == "cloud"):
                misplaced.setdefault(name, []).append(host)
                continue
            if key is not None:
                error = globals_file.mistake(name, item, globals_.keys, secret)
                if error is not None:
                    error.what = f"host '{host}': {error.what}"
                    errors.append(error)
                    continue
            values[host][name] = item
    for name, hosts in misplaced.items():
        file = passwords_file.FILE if name in secret else globals_.path.name
        whom = f"host '{hosts[0]}'" if len(hosts) == 1 else f"{len(hosts)} hosts"
        errors.append(
            InputError(
                f"'{name}' is given in the inventory, for {whom}, but holds for the whole cloud",
                where=where,
                hint=f"move it to {file}",
            )
        )
    return values, errors


def passwords(
    catalogue: Catalogue,
    config_directory: Path,
    services: Sequence[ServiceFolder],
    given: Mapping[str, Secret],
) -> Iterator[InputError]:
    """Passwords that enabled services need and nobody made."""
    wanted = [passwords_file.CLOUD_ID]
    for folder in services:
        wanted += passwords_file.of_service(catalogue, folder)
    missing = [name for name in wanted if name not in given]
    if missing:
        what = f"password '{missing[0]}' is" if len(missing) == 1 else f"{len(missing)} passwords are"
        names = "" if len(missing) == 1 else f": {', '.join(missing)}"
        yield InputError(
            f"{what} missing{names}",
            where=Location(config_directory / passwords_file.FILE),
            hint="run: kolla genpwd (it never changes a password that is there)",
        )


def password_warnings(
    catalogue: Catalogue, config_directory: Path, given: Mapping[str, Secret]
) -> Iterator[str]:
    """What is odd about passwords.yml, and no reason to stop."""
    path = config_directory / passwords_file.FILE
    known = passwords_file.expected(catalogue)
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"{path}: no service asks for '{name}'" + (f"; {hint}" if hint else "")
    if path.exists() and path.stat().st_mode & 0o077:
        yield f"{path}: others on this machine can read it; kolla genpwd repairs that"


def required(globals_: Globals, host_given: Mapping[str, Mapping[str, Given]]) -> Iterator[InputError]:
    """Required keys that have no value, as far as all that was written could be read."""
    for key in globals_.keys.values() if globals_.complete else ():
        if not key.setting.required or key.name in globals_.given:
            continue
        lacking = [host for host, given in host_given.items() if key.name not in given]
        if key.setting.scope == "cloud" or lacking:
            yield InputError(
                f"'{key.name}' has no value",
                where=Location(globals_.path),
                expected=key.setting.description,
                hint=f"add a line: {key.name}: ...",
            )


def capabilities(globals_: Globals, services: Sequence[ServiceFolder]) -> Iterator[InputError]:
    """Needs that no enabled service meets, and capabilities that two offer."""
    offered: dict[Capability, str] = {}
    for folder in services:
        for capability in folder.service.provides:
            if capability in offered:
                yield InputError(
                    f"'{offered[capability]}' and '{folder.name}' both provide '{capability}'",
                    where=_switch(globals_, folder.name),
                    hint=f"set {enable_key(folder.name)} or {enable_key(offered[capability])} to false",
                )
            offered[capability] = folder.name
    for folder in services:
        for capability in folder.service.needs:
            if capability in offered or capability in OPTIONAL:
                continue
            provider = globals_.catalogue.provider(capability)
            yield InputError(
                f"'{folder.name}' needs '{capability}', which no enabled service provides",
                where=_switch(globals_, provider.name if provider else folder.name),
                hint=f"set {enable_key(provider.name)}: true, or {enable_key(folder.name)}: false"
                if provider
                else "add a service that provides it with --service-path",
            )


def _switch(globals_: Globals, service: str) -> Location:
    """Where a service is switched on or off."""
    given = globals_.given.get(enable_key(service))
    return given.where if given else Location(globals_.path)


def groups(
    catalogue: Catalogue, inventory: Inventory, services: Sequence[ServiceFolder]
) -> Iterator[InputError]:
    """Groups without hosts that an enabled service's containers are to run on."""
    where = Location(Path(inventory.sources[0] if inventory.sources else "inventory"))
    empty: dict[str, list[str]] = {}
    for folder in services:
        for name, container in folder.service.containers.items():
            group = container.group or folder.name
            if container.when == "true" and not hosts_of(inventory, catalogue, group):
                empty.setdefault(group, []).append(name)
    for group, containers in empty.items():
        parents = () if group in inventory.groups else catalogue.groups.get(group, ())
        others = " or ".join(f"'{parent}'" for parent in parents)
        how = f"'{group}'" + (f" (or {others})" if others else "")
        yield InputError(
            f"group {how} has no host, and {', '.join(containers)} must run there",
            where=where,
            hint=f"add a host to [{group}], or switch the service off",
        )


def named_groups(globals_: Globals, cloud: Scope, known: Mapping[str, Sequence[str]]) -> Iterator[InputError]:
    """Groups that items of lists name and that are not there, or have no host."""
    for name in globals_.given:
        setting = globals_.keys[name].setting
        try:
            found = list(fields.groups(setting.fields, cloud[name])) if setting.fields else []
        except InputError:
            continue  # it is told with all that is wrong with values
        for steps, group in found:
            where = globals_.where(name, *steps)
            if group not in known:
                hint = did_you_mean(group, known) or f"add [{group}] to the inventory"
                yield InputError(f"'{name}': there is no group '{group}'", where=where, hint=hint)
            elif not known[group]:
                hint = f"add a host to [{group}]"
                yield InputError(f"'{name}': group '{group}' has no host", where=where, hint=hint)


def refusal(folder: ServiceFolder, sentence: str, scope: Mapping[str, Any], where: Location) -> str | None:
    """The sentence with which a service refuses the settings in `scope`; None when it does not."""
    if expressions.evaluate(folder.service.refuses[sentence], scope, where) is not True:
        return None
    return expressions.render(sentence, scope, where)


def hosts_of(inventory: Inventory, catalogue: Catalogue, group: str) -> tuple[str, ...]:
    """Hosts of a group; of its default parents when the inventory does not have it."""
    if group in inventory.groups:
        return inventory.groups[group]
    if group == EVERYWHERE:
        return _everywhere(inventory, catalogue)
    parents = catalogue.groups.get(group, ())
    hosts = (host for parent in parents for host in hosts_of(inventory, catalogue, parent))
    return tuple(dict.fromkeys(hosts))


def _everywhere(inventory: Inventory, catalogue: Catalogue) -> tuple[str, ...]:
    """Hosts of all groups of services that are somewhere in particular."""
    groups = (group for group, parents in catalogue.groups.items() if EVERYWHERE not in parents)
    hosts = {host for group in groups for host in hosts_of(inventory, catalogue, group)}
    return tuple(host for host in inventory.hosts if host in hosts)


def all_groups(inventory: Inventory, catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Every group of the inventory and of the services -> its hosts."""
    names = (*inventory.groups, *catalogue.groups)
    return {name: hosts_of(inventory, catalogue, name) for name in names}
