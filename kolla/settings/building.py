"""The settings of a build: globals.yml, over it kolla-build.conf, over both the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kolla import yamlfile
from kolla.build_options import RUN, BuildOption, build_options
from kolla.errors import InputError, Location, did_you_mean, raise_all
from kolla.settings.globals import Globals
from kolla.settings.keys import CloudSetting, Key
from kolla.settings.scope import Given, Scope

NAME = "kolla-build.conf"


def search(config_directory: Path) -> tuple[Path, ...]:
    """The kolla-build.conf that is used when none is named: the first of those oslo.config would look for,
    with the configuration directory in place of /etc/kolla. Empty when there is none."""
    directories = (Path.home() / ".kolla", Path.home(), config_directory, Path("/etc"))
    return tuple(path for d in directories if (path := d / NAME).is_file())[:1]


def building(settings: Globals, files: Sequence[Path]) -> Globals:
    """`settings` as a build has them: with the options of one build, which are keys as well
    (`value("skip_parents")`), and what `files`, each a kolla-build.conf, say. They win.

    InputErrors for values the options do not take, or names that are none.
    """
    found = replace(settings, keys={**settings.keys, **_run_keys()})
    if not files:
        return found
    from kolla.settings import build_conf

    return _over(found, build_conf.read(files, settings.keys))


def chosen_over(settings: Globals, chosen: Mapping[str, Any]) -> Globals:
    """Settings of a build with what the command line says, by the names of the options; it wins.

    InputErrors for values the options do not take, or names that are none.
    """
    options = {option.name: option for option in build_options()}
    given = {}
    for name, value in chosen.items():
        if name not in options:
            raise InputError(f"kolla build has no option '{name}'", hint=did_you_mean(name, options))
        written = str(value) if isinstance(value, str | int) else None
        given[name] = Given(value, Location(Path(options[name].flag)), written)
    return _over(settings, given)


def _over(settings: Globals, given: Mapping[str, Given]) -> Globals:
    """`settings` with options given by name."""
    keys = {option.name: option.key or option.name for option in build_options()}
    wins = {keys[name]: value for name, value in given.items()}
    found = replace(settings, given={**settings.given, **wins})
    raise_all(list(Scope(found.keys, wins, custom=found.custom).errors()))
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
