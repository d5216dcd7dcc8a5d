"""Verbs about images."""

from __future__ import annotations

import click

from kolla.cli import options
from kolla.cli.run import run


@click.command()
@click.argument("names", nargs=-1)
@click.option("--refresh", is_flag=True, help="Take newer distribution packages; rewrites the package locks.")
@click.option("--push", is_flag=True, help="Push what was built to the registry of the settings.")
@click.option("--list-images", is_flag=True, help="Build nothing; list the images below their parents.")
@options.configuration
def build(names: tuple[str, ...], refresh: bool, push: bool, list_images: bool) -> None:
    """Build images, with their parents; without NAMES every image that containers run from.

    An image none of whose inputs changed is not built again. One that fails does not stop the
    others; the summary names it and its log.
    """
    if list_images:
        run(lambda cloud: cloud.images())
    else:
        run(lambda cloud: cloud.build(names, refresh=refresh, push=push))


@click.command()
@click.option(
    "--constraints",
    required=True,
    metavar="FILE|URL",
    help="OpenStack's upper constraints of the release: the versions upstream tested together.",
)
@options.configuration
def lock(constraints: str) -> None:
    """Lock the Python distributions of all services, with hashes, for the release of the settings.

    Takes what the services' `releases` name and all they need, in versions that the constraints
    allow.
    """
    run(lambda cloud: cloud.lock(constraints))
