"""Verbs that services have of their own (`verbs:` in service.yml)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import run
from kolla.errors import KollaError, did_you_mean


def descriptions(service_paths: Sequence[Path] = ()) -> dict[str, str]:
    """Verb -> what it does, of every service there is, enabled or not. InputError for a wrong service."""
    from kolla.catalogue.loader import load

    return {name: verb.description for name, (_, verb) in load(service_paths).verbs.items()}


def listed(context: click.Context) -> dict[str, str]:
    """As `descriptions`, for a help text: empty when services cannot be read, which is told elsewhere."""
    try:
        return descriptions(context.ensure_object(options.Options).service_path)
    except (KollaError, OSError):
        return {}


def command(name: str, description: str = "") -> click.Command:
    """The command of a service's verb.

    Whether there is one is seen only when it runs: the folder of its service may be named by an option
    that comes after it.
    """

    @click.command(name, help=description)
    @options.hosts
    @click.pass_context
    def verb(context: click.Context) -> None:
        parent = context.parent
        assert parent is not None and isinstance(parent.command, click.Group)
        known = descriptions(context.ensure_object(options.Options).service_path)
        if name not in known:
            near = did_you_mean(name, [*parent.command.commands, *known])
            raise click.UsageError(f"there is no verb '{name}'" + (f"; {near}" if near else ""), parent)
        run(lambda cloud: cloud.run_verb(name))

    return verb
