"""Going from one OpenStack release to the next."""

from __future__ import annotations

from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import run
from kolla.cli.verbs.change import FILE, lock_timeout_option
from kolla.state.canary_request import CanaryRequest


@click.command()
@click.option("--finish", is_flag=True, help="End an upgrade that was carried out: no rollback after it.")
@click.option(
    "--plan",
    "plan_file",
    type=FILE,
    help="Do this plan of kolla plan --upgrade or --finish; refused if the hosts changed since.",
)
@click.option(
    "--auto-rollback",
    is_flag=True,
    help="Go back when it fails after it has begun; refused at once where there is no way back.",
)
@lock_timeout_option
@options.canary
@options.max_fail
@options.hosts
def upgrade(
    finish: bool,
    plan_file: Path | None,
    auto_rollback: bool,
    lock_timeout: int,
    canary: CanaryRequest | None,
    max_fail: str | None,
) -> None:
    """Bring the cloud to the OpenStack release of the images, from the release before.

    Upgrade checks and a backup come first, then schemas are expanded, then containers are swapped in their
    order, each when it is ready. What the older release needs stays until --finish, so that one can go back.
    `kolla plan --upgrade` shows all of it before.
    """
    run(
        lambda cloud: cloud.upgrade(
            plan_file,
            finish=finish,
            canary=canary,
            max_fail=max_fail,
            auto_rollback=auto_rollback,
            lock_timeout=lock_timeout,
        )
    )
