"""Verbs for whoever adds services."""

from __future__ import annotations

from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import run


@click.group()
@options.configuration
def service() -> None:
    """Add a service to the cloud."""


@service.command()
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIRECTORY",
    help="Where its folder is made.  [default: here]",
)
@options.configuration
def new(name: str, directory: Path) -> None:
    """Write a service called NAME that works as it is: an image, a configuration, an endpoint.

    docs/adding-a-service.md says how to go on from there.
    """
    run(lambda cloud: cloud.new_service(name, directory))
