"""Verbs for a cloud that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kolla.cli import options
from kolla.cli.run import ask_name, ask_yes, confirmation, demand_confirmation, run, run_approved

if TYPE_CHECKING:
    from kolla.api import Cloud
    from kolla.cli.show import Result
    from kolla.state.power import PowerAction


sets_argument = click.argument("sets", nargs=-1, metavar="[SET]...")


@click.command()
@sets_argument
@click.option(
    "--sets", "of_sets", is_flag=True, help="A line for each set: services, and named groups of them."
)
@options.hosts
def status(sets: tuple[str, ...], of_sets: bool) -> None:
    """List the containers of the cloud: where, in what state, how healthy, which generation.

    SET is a service, a container, or a named set of them; without any it is all of the cloud.
    """
    run(lambda cloud: cloud.status_of_sets(sets) if of_sets else cloud.status(sets))


@click.command()
@sets_argument
@options.hosts
def check(sets: tuple[str, ...]) -> None:
    """Use the services as their users do, for example have a token issued; all, or those of SET."""
    run(lambda cloud: cloud.check(sets))


@click.command()
@click.argument("container")
@click.option("-n", "--lines", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@options.hosts
def logs(container: str, lines: int) -> None:
    """Show the last lines of CONTAINER's standard output and of its log file, on every host that runs it."""
    run(lambda cloud: cloud.logs(container, lines=lines))


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@options.hosts
@click.argument("container")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(container: str, command: tuple[str, ...]) -> None:
    """Run COMMAND inside CONTAINER, on the first host that runs it; options go before CONTAINER.

    \b
    kolla exec keystone keystone-manage doctor
    """
    run(lambda cloud: cloud.execute(container, command), interactive=True)


def _power(action: PowerAction, sets: tuple[str, ...], confirmed: bool) -> None:
    run_approved(
        lambda cloud: cloud.plan_power(action, sets),
        lambda cloud, planned: cloud.power(action, sets, planned.plan),
        ask_yes,
        confirmed=confirmed,
    )


@click.command()
@sets_argument
@confirmation
@options.hosts
def stop(sets: tuple[str, ...], confirmed: bool) -> None:
    """Stop each SET, or all of the cloud; kolla start brings it back, and so does a deploy.

    SET is a service, a container, or a named set of them (kolla status --sets). Says first what that
    interrupts, and asks. Those stop first that wait for others.
    """
    _power("stop", sets, confirmed)


@click.command()
@sets_argument
@options.hosts
def start(sets: tuple[str, ...]) -> None:
    """Start each SET, or all of the cloud, after a stop; each container when those before it are ready."""
    _power("start", sets, confirmed=True)


@click.command()
@sets_argument
@confirmation
@options.hosts
def restart(sets: tuple[str, ...], confirmed: bool) -> None:
    """Restart each SET, or all of the cloud, as it is: container by container, one host at a time.

    Says first what that interrupts, and asks. Each must be ready again before the next goes down.
    """
    _power("restart", sets, confirmed)


@click.command()
@confirmation
@click.option("--volumes", is_flag=True, help="The data, too: databases, keys, messages.")
@click.option("--images", is_flag=True, help="The images, too.")
@click.option("--config", is_flag=True, help="The configuration on this machine, if quickstart made it.")
@click.option("--purge", is_flag=True, help="Volumes, images, and the engine and packages kolla installed.")
@options.hosts
def destroy(confirmed: bool, volumes: bool, images: bool, config: bool, purge: bool) -> None:
    """Remove the cloud: what its manifests list, and nothing else.

    Containers and their configuration on the hosts go; volumes, images and what quickstart wrote stay
    unless asked for. A configuration that quickstart did not make is never removed.
    Says first what goes, and wants the name of the cloud typed.
    """
    demand_confirmation(confirmed or sys.stdin.isatty(), "removes the cloud")
    volumes, images = volumes or purge, images or purge

    def act(cloud: Cloud) -> Result:
        return cloud.destroy(volumes=volumes, images=images, config=config, purge=purge)

    if confirmed:
        run(act)
    else:
        run_approved(
            lambda cloud: cloud.holdings(volumes=volumes, images=images, purge=purge),
            lambda cloud, _: act(cloud),
            ask_name,
            confirmed=False,
        )
