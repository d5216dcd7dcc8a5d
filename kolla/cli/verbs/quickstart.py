"""From nothing to a cloud."""

from __future__ import annotations

from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import run


@click.command()
@click.option(
    "--globals",
    "globals_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Settings to add to the globals.yml it writes.",
)
@options.hosts
def quickstart(globals_file: Path | None) -> None:
    """Make a cloud from nothing: an engine, images, passwords, containers, an issued token.

    Calls only the other verbs, in this order: genpwd, bootstrap-servers, build, prechecks, deploy,
    post-deploy, check. Writes globals.yml if there is none. Run again, it changes only what differs.
    """
    run(lambda cloud: cloud.quickstart(globals_file=globals_file))
