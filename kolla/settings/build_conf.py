"""kolla-build.conf, read by oslo.config; also what `oslo-config-generator --namespace kolla` asks for.

Imported only when there is such a file: oslo.config costs more than everything else a small verb needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from oslo_config import cfg, generator
from oslo_config.iniparser import ParseError

from kolla.build_options import SECTION as IMAGES
from kolla.build_options import BuildOption, build_options
from kolla.errors import InputError, Location, did_you_mean, raise_all
from kolla.settings.building import setting_of
from kolla.settings.keys import Key
from kolla.settings.scope import Given
from kolla.settings.values import convert

SECTION = "DEFAULT"
"""The only section there is."""

HEAD = """\
# Options of `kolla build` for every run on this machine; what the command line says wins over them, they win
# over globals.yml. Made by `make reference`, as oslo-config-generator --namespace kolla does.

"""

_TYPES: Mapping[str, type[cfg.Opt]] = {"boolean": cfg.BoolOpt, "integer": cfg.IntOpt, "list": cfg.ListOpt}
"""Types of settings that are not read as text."""


def list_opts() -> list[tuple[None, list[cfg.Opt]]]:
    """Every option, as oslo.config wants to be told (the entry point `oslo.config.opts`)."""
    return [(None, [_opt(option) for option in build_options()])]


def sample() -> str:
    """The sample file. The package must be installed: the generator finds options by its entry points."""
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    conf(["--namespace", "kolla", "--wrap-width", "100"], default_config_files=[], use_env=False)
    written = StringIO()
    generator.generate(conf, written)
    return HEAD + "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def read(files: Sequence[Path], keys: Mapping[str, Key]) -> dict[str, Given]:
    """What the files say, by the names of the options; a later file wins over an earlier one.

    `keys` are those of globals.yml, for hints. InputErrors names all that is wrong, with file and line.
    """
    written: dict[str, _Line] = {}
    errors: list[InputError] = []
    options = {option.name: option for option in build_options()}
    for path in files:
        for line in _lines(path):
            error = _unknown(line, options, keys)
            if error is not None:
                errors.append(error)
            else:
                written[line.name] = line
    raise_all(errors)
    conf = cfg.ConfigOpts()
    conf.register_opts(opt for _, opts in list_opts() for opt in opts)
    conf([], default_config_files=[str(path) for path in files], default_config_dirs=[], use_env=False)
    given: dict[str, Given] = {}
    for name, line in written.items():
        try:
            given[name] = Given(conf[name], line.where, line.value)
        except (ValueError, cfg.Error):
            errors.append(_refused(options[name], line))
    raise_all(errors)
    return given


@dataclass(frozen=True)
class _Line:
    """One assignment of a file."""

    section: str
    name: str
    value: str
    where: Location


def _lines(path: Path) -> Iterator[_Line]:
    """Every assignment of a file; InputError when it cannot be read or parsed."""
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        cfg.ConfigParser(str(path), sections).parse()
    except ParseError as error:
        raise InputError(f"cannot be understood: {error.msg}", where=Location(path, error.lineno)) from None
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot be read: {what}", where=Location(path)) from None
    places = _places(path)
    for section, assignments in sections.items():
        for name, values in assignments.items():
            yield _Line(section, name, values[-1], Location(path, places.get((section, name))))


def _places(path: Path) -> dict[tuple[str, str], int]:
    """Section and name -> the last line in which it is assigned: oslo.config does not tell."""
    section, found = "", {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if heading := re.fullmatch(r"\[(.+)\]\s*", line):
            section = heading[1]
        elif assignment := re.match(r"([^\s#;\[=:][^=:]*?)\s*[=:]", line):
            found[section, assignment[1]] = number
    return found


def _unknown(line: _Line, options: Mapping[str, BuildOption], keys: Mapping[str, Key]) -> InputError | None:
    """What is wrong with where an assignment stands, or with its name."""
    if line.section != SECTION:
        images = {name: key for name, key in keys.items() if key.section == IMAGES}
        mappings = [name for name, key in images.items() if key.setting.type == "mapping"]
        return InputError(
            f"there is no section [{line.section}]",
            where=line.where,
            expected=f"[{SECTION}]",
            hint=f"profiles, sources and the like are settings of globals.yml: {', '.join(mappings)}",
        )
    if line.name in options:
        return None
    here = next((option.name for option in options.values() if option.key == line.name), None)
    if here:
        hint: str | None = f"here it is called '{here}'"
    elif line.name in keys:
        hint = "it belongs in globals.yml"
    else:
        hint = did_you_mean(line.name, options)
    expected = None if hint else "an option that kolla build --help names, with _ instead of -"
    return InputError(f"unknown option '{line.name}'", where=line.where, expected=expected, hint=hint)


def _refused(option: BuildOption, line: _Line) -> InputError:
    """The error for a value oslo.config refused, in our words: its own do not say what is expected."""
    try:
        convert(setting_of(option), line.value)
    except ValueError as error:
        return InputError(f"'{line.name}' is '{line.value}'", where=line.where, expected=str(error))
    return InputError(
        f"'{line.name}' holds a $ and what follows is no option",  # the value may be a password
        where=line.where,
        expected="$NAME or ${NAME} for the value of another option, $$ for a $",
    )


def _opt(option: BuildOption) -> cfg.Opt:
    """As oslo.config declares it. Of several choices only the help tells: a wrong one is refused as it is in
    globals.yml."""
    declared = option.declared
    help_lines = [declared["description"]]
    if "choices" in declared:
        help_lines.append(f"One of {', '.join(declared['choices'])}.")
    if option.key:
        help_lines.append(f"In globals.yml: {option.key}.")
    bounds = {"min": declared["minimum"]} if "minimum" in declared else {}
    kind = _TYPES.get(option.type, cfg.StrOpt)
    return kind(option.name, default=declared.get("default"), help=" ".join(help_lines), **bounds)
