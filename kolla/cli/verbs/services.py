"""Verbs that services have of their own (`verbs:` in service.yml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kolla.cli import options
from kolla.cli.run import REALLY, demand_confirmation, run
from kolla.errors import KollaError, did_you_mean

if TYPE_CHECKING:
    from kolla.catalogue.model import Verb


def verbs(service_paths: Sequence[Path] = ()) -> dict[str, Verb]:
    """Every verb of every service there is, enabled or not, by name. InputError for a wrong service."""
    from kolla.catalogue.loader import load

    return {name: verb for name, (_, verb) in load(service_paths).verbs.items()}


def listed(context: click.Context) -> Mapping[str, Verb]:
    """As `verbs`, for a help text: empty when services cannot be read, which is told elsewhere."""
    try:
        return verbs(context.ensure_object(options.Options).service_path)
    except (KollaError, OSError):
        return {}


def command(name: str, known: Verb | None = None) -> click.Command:
    """The command of a service's verb; `known`: what it does, as far as that is known already.

    Whether there is one is seen only when it runs: the folder of its service may be named by an option
    that comes after it.
    """
    loses = bool(known and known.loses)

    @click.command(name, help=_help(known))
    @click.argument("words", nargs=-1, metavar=_metavar(known))
    @click.option(
        REALLY, "confirmed", is_flag=True, hidden=not loses, help="Needed: something is lost by this."
    )
    @options.hosts
    @click.pass_context
    def verb(context: click.Context, words: tuple[str, ...], confirmed: bool) -> None:
        parent = context.parent
        assert parent is not None and isinstance(parent.command, click.Group)
        there_are = verbs(context.ensure_object(options.Options).service_path)
        if name not in there_are:
            near = did_you_mean(name, [*parent.command.commands, *there_are])
            raise click.UsageError(f"there is no verb '{name}'" + (f"; {near}" if near else ""), parent)
        chosen = there_are[name]
        if len(words) > (chosen.argument is not None):
            raise click.UsageError(f"too many words: {' '.join(words)}", context)
        if chosen.loses:
            demand_confirmation(confirmed, chosen.loses)
        run(lambda cloud: cloud.run_verb(name, *words))

    return verb


def _help(known: Verb | None) -> str:
    if known is None:
        return ""
    paragraphs = [known.description]
    if known.argument is not None:
        paragraphs.append(f"{known.argument.name.upper()}: {known.argument.description}")
    if known.loses:
        paragraphs.append(f"This {known.loses}")
    return "\n\n".join(paragraphs)


def _metavar(known: Verb | None) -> str:
    if known is None or known.argument is None:
        return ""
    word = known.argument.name.upper()
    return word if known.argument.required else f"[{word}]"
