"""Every settings key and password, written as a page from the catalogue itself."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Setting
from kolla.settings import keys, passwords
from kolla.settings.expressions import FILTERS
from kolla.settings.keys import Key
from kolla.settings.samples import kind_of, written

_INTRODUCTION = """\
# Settings

<!-- Made by `make reference` from kolla/settings/keys.yml and kolla/services/*/service.yml; do not edit. -->

Keys of `/etc/kolla/globals.yml`. Files in `/etc/kolla/globals.d/*.yml` are read after it, by name; what a
later file says wins. Keys marked *host* may differ from host to host: in the inventory, host variables win
over group variables, and these over `globals.yml`. Keys that are not in this list are refused, with the
nearest that is; variables of your own go below `custom:`, or into the inventory.

| type | what it takes |
|---|---|
| string | text; numbers are taken as they are written (`2026.1`) |
| boolean | `true` or `false`; also `yes`, `no`, `on`, `off` |
| integer | a whole number |
| number | a number, which need not be whole |
| port | 1 to 65535 |
| address | an IPv4 or IPv6 address, or a host name |
| path | an absolute path |
| list, mapping | as YAML has them |

A value may be an expression over other keys, `custom.NAME`, passwords, `inventory_hostname`, `groups` and
the inventory's variables: `"{{ network_interface }}"`. It is Jinja in a sandbox, evaluated on each host when
it is used; the type is checked afterwards. Names that do not exist and circles are errors with file and line.
"""

_PASSWORDS = """\
## Passwords

Keys of `/etc/kolla/passwords.yml`, mode 0600. `kolla genpwd` makes those that are missing, and never changes
one that is there. Nothing in this file is an expression. Keys that no service asks for are kept, and
templates can use them.

| key | kind | |
|---|---|---|"""


def text(catalogue: Catalogue) -> str:
    """The page, in Markdown: a table of keys for each service, then the passwords."""
    sections: dict[str, list[Key]] = {}
    for key in keys.of(catalogue).values():
        sections.setdefault(key.section, []).append(key)
    parts = [_INTRODUCTION, _filters()]
    about = {f.service.title: f.service.description for f in catalogue.folders.values()}
    parts += [
        "\n".join(_table(section, about.get(section, ""), found)) + "\n"
        for section, found in sections.items()
    ]
    parts.append("\n".join(_passwords(catalogue)) + "\n")
    return "\n".join(parts)


def _filters() -> str:
    names = ", ".join(f"`{name}`" for name in sorted((*FILTERS, "bool", "to_json", "to_yaml")))
    return f"Filters of expressions and templates: {names}.\n"


def _table(section: str, about: str, found: list[Key]) -> Iterator[str]:
    yield f"## {section}"
    yield ""
    if about:
        yield from (about, "")
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    for key in found:
        cells = (f"`{key.name}`", _type(key.setting), _default(key.setting), _cell(_description(key)))
        yield f"| {' | '.join(cells)} |"


def _type(setting: Setting) -> str:
    kind = ", ".join(f"`{choice}`" for choice in setting.choices) or kind_of(setting)
    return f"{kind}, *host*" if setting.scope == "host" else kind


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    return "" if setting.default is None else f"`{_cell(written(setting.default))}`"


def _description(key: Key) -> str:
    return " ".join(key.setting.description.split())


def _cell(value: str) -> str:
    return value.replace("|", "\\|")


def _passwords(catalogue: Catalogue) -> Iterator[str]:
    yield _PASSWORDS
    for name, password in passwords.expected(catalogue).items():
        yield f"| `{name}` | {password.kind} | {_cell(password.description)} |"
