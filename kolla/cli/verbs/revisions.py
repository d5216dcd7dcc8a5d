"""Verbs about what was applied."""

from __future__ import annotations

import click

from kolla.cli import options
from kolla.cli.run import run

number = click.IntRange(min=1)


@click.group(invoke_without_command=True)
@options.configuration
@click.pass_context
def revisions(context: click.Context) -> None:
    """List every change that was made to the cloud: when, by whom, and what came of it."""
    if context.invoked_subcommand is None:
        run(lambda cloud: cloud.revisions())


@revisions.command()
@click.argument("revision", type=number)
@options.configuration
def show(revision: int) -> None:
    """Show one revision: what was done and why, its images, and the files it wrote."""
    run(lambda cloud: cloud.revision(revision))


@revisions.command()
@click.argument("old", type=number)
@click.argument("new", type=number)
@options.configuration
def diff(old: int, new: int) -> None:
    """Say what differs between two revisions: containers, images, keys of files; secrets are masked."""
    run(lambda cloud: cloud.revision_diff(old, new))
