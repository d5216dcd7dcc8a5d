"""`docs/verbs.md`, written from the verbs themselves: `python -m kolla.cli.manual > docs/verbs.md`."""

from __future__ import annotations

import inspect

import click

from kolla.cli import failure
from kolla.cli.main import SECTIONS, SERVICES, kolla
from kolla.cli.verbs import services

HEAD = """\
# Verbs

<!-- Made by `make reference`; do not edit. -->

`kolla [OPTIONS] VERB [OPTIONS] [ARGUMENTS]`

Options that several verbs share may stand before or after the verb:
"""
ALIASES = """\
`kolla-build ...` is `kolla build ...`; `kolla-ansible -i FILE VERB ...` is `kolla -i FILE VERB ...`.

With `-f json` standard output is one JSON document, also when something is wrong (`{"error": ...}`).
Progress goes to standard error: a live picture on a terminal, one line per event in a pipe.
"""
OF_SERVICES = """\
A service may have verbs of its own (`verbs:` in its `service.yml`): jobs that are run when, and as often as,
they are asked for. The service must be enabled and deployed; what the job says of itself is printed.
"""


def manual() -> str:
    """The whole page, in Markdown."""
    context = click.Context(kolla, info_name="kolla")
    shared = {option.name: option for option in kolla.params if isinstance(option, click.Option)}
    lines = [HEAD, *_options(context, list(shared.values())), "", ALIASES, "## Exit codes", ""]
    lines += ["| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in failure.EXIT_CODES.items()]
    for title, commands in SECTIONS.items():
        lines += ["", f"## {title}"]
        for command in commands:
            lines += ["", *_verb(context, command, set(shared))]
            if isinstance(command, click.Group):
                inside = click.Context(command, info_name=command.name, parent=context)
                for part in command.commands.values():
                    lines += ["", *_verb(inside, part, set(shared))]
    lines += ["", f"## {SERVICES}", "", OF_SERVICES]
    for name, verb in services.verbs().items():
        lines += [*_verb(context, services.command(name, verb), set(shared)), ""]
    return "\n".join(lines).rstrip() + "\n"


def _verb(parent: click.Context, command: click.Command, shared: set[str | None]) -> list[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    metavars = (a.make_metavar(context) for a in command.params if isinstance(a, click.Argument))
    arguments = [metavar for metavar in metavars if metavar]
    text = inspect.cleandoc(command.help or "").replace("\b\n", "    ")
    lines = [f"### {' '.join((context.command_path, *arguments))}", "", text]
    helps = command.get_help_option(context)
    params = [
        p
        for p in command.get_params(context)
        if isinstance(p, click.Option) and p is not helps and not p.hidden
    ]
    own = [option for option in params if option.name not in shared]
    common = [f"`{option.opts[0]}`" for option in params if option.name in shared]
    if own:
        lines += ["", *_options(context, own)]
    return [*lines, "", f"Shared: {', '.join(common)}."]


def _options(context: click.Context, options: list[click.Option]) -> list[str]:
    records = [record for option in options if (record := option.get_help_record(context))]
    rows = [f"| `{names}` | {text} |" for names, text in ((n.replace("|", r"\|"), t) for n, t in records)]
    return ["| option | |", "|---|---|", *rows]


if __name__ == "__main__":
    click.echo(manual(), nl=False)
