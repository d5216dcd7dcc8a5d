"""Verbs about what was applied."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kolla.cli import options
from kolla.cli.run import run, run_approved
from kolla.cli.verbs.change import lock_timeout_option
from kolla.errors import InputError

if TYPE_CHECKING:
    from kolla.results import Planned

number = click.IntRange(min=1)


@click.group(invoke_without_command=True)
@options.configuration
@click.pass_context
def revisions(context: click.Context) -> None:
    """List every change that was made to the cloud: when, by whom, and what came of it."""
    if context.invoked_subcommand is None:
        run(lambda cloud: cloud.revisions())


@revisions.command("on-hosts")
@options.hosts
def on_hosts() -> None:
    """List what hosts have on record of the changes that touched them, for who lost what is kept here.

    It says what was done, when and by whom. One cannot go back to it: what that needs is kept on the machine
    that deploys alone.
    """
    run(lambda cloud: cloud.revisions_on_hosts())


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


@click.command()
@click.argument("revision", type=number, required=False)
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can answer.")
@click.option(
    "--restore",
    is_flag=True,
    help="Restore the backup of the upgrade where that is needed; loses what was written since.",
)
@lock_timeout_option
@options.services
def rollback(revision: int | None, yes: bool, restore: bool, lock_timeout: int) -> None:
    """Bring the cloud back to REVISION, by default to the last good state before the present one.

    Containers, images and configuration go back; schemas of databases and data stay as they are
    (docs/rollback.md). Shows the plan and asks before it does it. It is recorded like any other change, and
    a second rollback goes further back. Where services of then cannot work with the data of now, the backup
    that the upgrade made is restored: it says so, and what that loses.
    """
    if not yes and not sys.stdin.isatty():
        raise InputError("nobody can be asked here", hint="look at kolla plan --against, then add --yes")
    run_approved(
        lambda cloud: cloud.plan_against(revision),
        # Who was asked was asked about the backup as well.
        lambda cloud, planned: cloud.rollback(
            planned.towards, plan=planned.plan, restore=restore or not yes, lock_timeout=lock_timeout
        ),
        _approve,
        confirmed=yes,
    )


def _approve(planned: Planned) -> None:
    backups = ", ".join(each.backup for each in planned.plan.restores)
    losing = f"Restore {backups}, lose what was written since, and go" if backups else "Go"
    if not click.confirm(f"{losing} back to revision {planned.towards}?", err=True):
        raise InputError("not confirmed; nothing was touched")
