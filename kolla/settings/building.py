"""The settings of a build: globals.yml, over it kolla-build.conf, over both the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kolla import yamlfile
from kolla.build_options import RUN, BuildOption, build_options
from kolla.errors import InputError, Location, did_you_mean, raise_all
from kolla.settings.globals import Globals
from kolla.settings.keys import CloudSetting, Key
from kolla.settings.scope import Given, Scope


def building(settings: Globals, chosen: Mapping[str, Any]) -> Globals:
    """`settings` with the options of one build, which are keys as well: `value("skip_parents")`.

    `chosen` is what the command line says, by the names of the options; it wins. InputErrors for values
    the options do not take, or names that are none.
    """
    options = {option.name: option for option in build_options()}
    given: dict[str, Given] = {}
    for name, value in chosen.items():
        if name not in options:
            raise InputError(f"kolla build has no option '{name}'", hint=did_you_mean(name, options))
        written = str(value) if isinstance(value, str | int) else None
        given[options[name].key or name] = Given(value, Location(Path(options[name].flag)), written)
    found = replace(settings, keys={**settings.keys, **_run_keys()}, given={**settings.given, **given})
    raise_all(list(Scope(found.keys, given, custom=found.custom).errors()))
    return found


def _run_keys() -> dict[str, Key]:
    document = yamlfile.load(RUN)
    return {
        option.name: Key(option.name, setting_of(option), "One build", document.where([option.name]))
        for option in build_options()
        if option.key is None
    }


def setting_of(option: BuildOption) -> CloudSetting:
    """The declaration of an option as a setting, which values are checked against."""
    return CloudSetting.model_validate(option.declared)
