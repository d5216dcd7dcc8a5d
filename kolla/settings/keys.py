"""The keys `globals.yml` may hold: the cloud's own, and those that the services declare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kolla import yamlfile
from kolla.build_options import KEYS
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Setting
from kolla.errors import InputError, Location, raise_all
from kolla.settings.expressions import is_expression
from kolla.settings.values import convert


class CloudSetting(Setting):
    """A key of keys.yml. Those of the section `Images`, and others with an `option`, are options of
    `kolla build` and of kolla-build.conf as well (`kolla.build_options`)."""

    option: str | None = None
    """Its name there; default: the key."""
    letter: str | None = None
    """Its short form on the command line."""


@dataclass(frozen=True)
class Key:
    """A settings key and where it is declared."""

    name: str
    setting: Setting
    section: str
    """Heading it stands under in samples and reference: a service's title, or one of keys.yml."""
    where: Location


def of(catalogue: Catalogue) -> dict[str, Key]:
    """Every key, the cloud's own first, then service by service.

    InputErrors when a service declares a key of the cloud, or a default its own type refuses.
    """
    keys: dict[str, Key] = {}
    errors: list[InputError] = []
    for key in (*_cloud_keys(), *_service_keys(catalogue)):
        if key.name in keys:
            errors.append(
                InputError(
                    f"key '{key.name}' is already taken",
                    where=key.where,
                    hint=f"see {keys[key.name].where}",
                )
            )
        keys[key.name] = key
        default = key.setting.default
        if default is None or (isinstance(default, str) and is_expression(default)):
            continue
        try:
            # Compared with another setting: `convert` lets a setting's own default pass unseen.
            if default != "":
                convert(key.setting.model_copy(update={"default": None}), default)
        except ValueError as error:
            errors.append(
                InputError(
                    f"the default of '{key.name}' is {default!r}", where=key.where, expected=str(error)
                )
            )
    raise_all(errors)
    return keys


def enable_key(service: str) -> str:
    """Name of the key that switches a service on and off."""
    return f"enable_{service.replace('-', '_')}"


def _cloud_keys() -> Iterator[Key]:
    document = yamlfile.load(KEYS)
    for section, settings in document.data.items():
        for name, setting in settings.items():
            yield Key(name, CloudSetting.model_validate(setting), section, document.where([section, name]))


def _service_keys(catalogue: Catalogue) -> Iterator[Key]:
    for folder in catalogue.folders.values():
        service = folder.service
        if service.enabled is not None:
            setting = Setting(
                type="boolean",
                default=service.enabled,
                description=f"Whether the cloud has {service.name} ({service.title}).",
            )
            where = catalogue.where(service.name, "enabled")
            yield Key(enable_key(service.name), setting, service.title, where)
        for name, setting in service.settings.items():
            yield Key(name, setting, service.title, catalogue.where(service.name, "settings", name))
