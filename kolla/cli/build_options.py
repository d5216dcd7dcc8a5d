"""The options of the builder on the command line, made from their declarations when they are needed."""

from __future__ import annotations

from typing import Any

import click

from kolla.build_options import BuildOption, build_options

METAVARS = {"integer": "NUMBER", "path": "FILE"}


class BuildCommand(click.Command):
    """A command that has the declared options besides its own; those that were given are in the keyword
    argument `chosen`, by name."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The declared options first."""
        return [*map(_option, build_options()), *super().get_params(ctx)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write those that are settings of the cloud below all others."""
        settings = {option.name for option in build_options() if option.key}
        titles = {False: "Options", True: "Options that are settings, too (globals.yml, kolla-build.conf)"}
        for are_settings, title in titles.items():
            params = [param for param in self.get_params(ctx) if (param.name in settings) == are_settings]
            records = [record for param in params if (record := param.get_help_record(ctx))]
            with formatter.section(title):
                formatter.write_dl(records)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what was not given is left out of `chosen`."""
        values = {option.name: ctx.params.pop(option.name) for option in build_options()}
        ctx.params["chosen"] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None and value != ()
        }
        return super().invoke(ctx)


def _option(option: BuildOption) -> click.Option:
    declared = option.declared
    boolean = option.type == "boolean"
    flag = f"{option.flag}/--no-{option.flag[2:]}" if boolean else option.flag
    letter = [f"-{declared['letter']}"] if "letter" in declared else []
    choices = "|".join(declared.get("choices", ()))
    repeatable = " Repeatable." if option.type == "list" else ""
    key = f"  [{option.key}]" if option.key else ""
    return click.Option(
        [*letter, flag, option.name],
        default=None,
        multiple=option.type == "list",
        metavar=None if boolean else f"[{choices}]" if choices else METAVARS.get(option.type, "TEXT"),
        help=declared["description"] + repeatable + key,
    )
