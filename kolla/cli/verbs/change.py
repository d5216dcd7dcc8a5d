"""Verbs that change the cloud, or say how it would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kolla.cli import options
from kolla.cli.run import run
from kolla.cli.show import Result
from kolla.state.canary_request import CanaryRequest

if TYPE_CHECKING:
    from kolla.api import Cloud

FILE = click.Path(path_type=Path, dir_okay=False)
REVISION = click.IntRange(min=1)


@click.command()
@click.option("-o", "--output", type=FILE, help="Keep the plan, for: kolla deploy --plan FILE.")
@click.option("--offline", is_flag=True, help="Ask no host: a first deploy, with the host facts last seen.")
@click.option(
    "--against-config",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Ask no host: what a deploy changes where that configuration directory is deployed.",
)
@click.option("--diff", is_flag=True, help="Show how each configuration file changes; secrets are masked.")
@click.option("--upgrade", is_flag=True, help="Say what kolla upgrade would do.")
@click.option("--finish", is_flag=True, help="Say what kolla upgrade --finish would do.")
@click.option("--against", type=REVISION, metavar="REVISION", help="Say what a rollback to it would do.")
@options.canary
@options.max_fail
@options.knowledge
@options.services
def plan(
    output: Path | None,
    offline: bool,
    against_config: Path | None,
    diff: bool,
    upgrade: bool,
    finish: bool,
    against: int | None,
    canary: CanaryRequest | None,
    max_fail: str | None,
) -> None:
    """Say what a deploy would do: each operation, its cause, and what it interrupts.

    Touches nothing. Exit code 2 when there are changes. docs/plan.md explains how to read it.
    """

    asks_nobody = offline or against_config is not None
    given = click.get_current_context().ensure_object(options.Options)
    if (given.build_report or given.facts) and not asks_nobody:
        raise click.UsageError("--build-report and --facts are for --offline and --against-config")
    if upgrade + finish + asks_nobody + (against is not None) > 1:
        raise click.UsageError(
            "--upgrade, --finish, --against and --offline (or --against-config) are different plans"
        )
    if canary and (finish or against is not None):
        raise click.UsageError("--canary is for plans of a deploy or an upgrade")
    if max_fail is not None and against is not None:
        raise click.UsageError("--max-fail is for plans of a deploy or an upgrade")
    if against is not None and output:
        raise click.UsageError("a plan against a revision is carried out by kolla rollback, not from a file")

    def verb(cloud: Cloud) -> Result:
        if against is not None:
            return cloud.plan_against(against, diff=diff)
        between = upgrade or finish
        if between:
            result = cloud.plan_upgrade(finish=finish, canary=canary, max_fail=max_fail, diff=diff)
        else:
            result = cloud.plan(
                offline=offline, against_config=against_config, diff=diff, canary=canary, max_fail=max_fail
            )
        if output:
            result.plan.save(output)
        return result

    run(verb)


def _deploy(
    verb: str,
    plan_file: Path | None,
    lock_timeout: int,
    canary: CanaryRequest | None,
    max_fail: str | None,
) -> None:
    run(
        lambda cloud: cloud.deploy(
            plan_file=plan_file, lock_timeout=lock_timeout, verb=verb, canary=canary, max_fail=max_fail
        )
    )


plan_option = click.option(
    "--plan", "plan_file", type=FILE, help="Do this plan; refused if the hosts changed since it was made."
)
lock_timeout_option = click.option(
    "--lock-timeout",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another deployer to finish.",
)


@click.command()
@plan_option
@lock_timeout_option
@options.canary
@options.max_fail
@options.services
def deploy(
    plan_file: Path | None, lock_timeout: int, canary: CanaryRequest | None, max_fail: str | None
) -> None:
    """Bring the cloud to what the settings say, touching only what differs.

    Plans, does the plan, looks again, and is done when nothing is left to do. An interrupted
    deploy is simply run again.
    """
    _deploy("deploy", plan_file, lock_timeout, canary, max_fail)


@click.command()
@plan_option
@lock_timeout_option
@options.canary
@options.max_fail
@options.services
def reconfigure(
    plan_file: Path | None, lock_timeout: int, canary: CanaryRequest | None, max_fail: str | None
) -> None:
    """The same as deploy: every deploy changes just what differs, so there is nothing else to do.

    It is here for those who are used to its name.
    """
    _deploy("reconfigure", plan_file, lock_timeout, canary, max_fail)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@options.hosts
def genconfig(directory: Path) -> None:
    """Write the configuration files of all containers below DIRECTORY, mode 0600; changes no host."""
    run(lambda cloud: cloud.genconfig(directory))


@click.command("validate-config")
@options.services
def validate_config() -> None:
    """Check the configuration of all containers against the options their images know; changes no host.

    Every deploy does the same before it touches a host (config_validation).
    """
    run(lambda cloud: cloud.validate_config())


@click.command("post-deploy")
@options.hosts
def post_deploy() -> None:
    """Write the files people use the cloud with (clouds.yaml, admin-openrc.sh) beside globals.yml."""
    run(lambda cloud: cloud.post_deploy())
