"""Verbs that make hosts ready."""

from __future__ import annotations

import click

from kolla.cli import options
from kolla.cli.run import run


@click.command("bootstrap-servers")
@options.hosts
def bootstrap_servers() -> None:
    """Install and start a container engine on every host that has none, with or without systemd."""
    run(lambda cloud: cloud.bootstrap_servers())


@click.command()
@options.hosts
def prechecks() -> None:
    """Look for all that would make a deploy fail: engine, ports, interfaces, memory, disk."""
    run(lambda cloud: cloud.prechecks())


@click.command()
@options.hosts
def pull() -> None:
    """Bring the images to the hosts that run them, before a deploy needs them."""
    run(lambda cloud: cloud.pull())
