"""From a cloud that Kolla-Ansible deployed."""

from __future__ import annotations

from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import run


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@options.hosts
def adopt(directory: Path) -> None:
    """Make a configuration for the cloud that Kolla-Ansible deployed with the one in DIRECTORY.

    Writes globals.yml, passwords.yml, inventory and override files into --configdir, which must be another
    directory, and lists with file and line what it could not carry over (adoption.txt). Asks no host. Exit
    code 2 when something has to be decided. kolla plan then shows how containers and volumes are taken over.

    \b
    kolla --configdir /etc/kolla-new adopt /etc/kolla -i multinode
    """
    run(lambda cloud: cloud.adopt(directory))
