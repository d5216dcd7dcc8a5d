"""Verbs for a cloud that runs."""

from __future__ import annotations

import click

from kolla.cli import options
from kolla.cli.run import confirmation, demand_confirmation, run


@click.command()
@options.hosts
def status() -> None:
    """List the containers of the cloud: where, in what state, how healthy, which generation."""
    run(lambda cloud: cloud.status())


@click.command()
@options.hosts
def check() -> None:
    """Use the services as their users do, for example have a token issued."""
    run(lambda cloud: cloud.check())


@click.command()
@click.argument("container")
@click.option("-n", "--lines", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@options.hosts
def logs(container: str, lines: int) -> None:
    """Show the last log lines of CONTAINER, on every host that runs it."""
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


@click.command()
@click.argument("containers", nargs=-1)
@confirmation
@options.hosts
def stop(containers: tuple[str, ...], confirmed: bool) -> None:
    """Stop CONTAINERS, or all of the cloud; kolla start brings them back."""
    demand_confirmation(confirmed, "stops containers")
    run(lambda cloud: cloud.stop(containers))


@click.command()
@click.argument("containers", nargs=-1)
@options.hosts
def start(containers: tuple[str, ...]) -> None:
    """Start CONTAINERS, or all of the cloud, after a stop."""
    run(lambda cloud: cloud.start(containers))


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
    """
    demand_confirmation(confirmed, "removes the cloud")
    run(
        lambda cloud: cloud.destroy(
            volumes=volumes or purge, images=images or purge, config=config, purge=purge
        )
    )
