"""Verbs about passwords.yml."""

from __future__ import annotations

from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import run

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@options.configuration
def genpwd() -> None:
    """Add every missing password to passwords.yml; never changes one that is there."""
    run(lambda cloud: cloud.genpwd())


@click.command()
@click.option("--old", type=FILE, required=True, help="The file in use; its values win.")
@click.option("--new", type=FILE, required=True, help="A file with more keys.")
@click.option("--final", type=FILE, required=True, help="Where to write; must not exist.")
@options.configuration
def mergepwd(old: Path, new: Path, final: Path) -> None:
    """Merge two password files into a third."""
    run(lambda cloud: cloud.mergepwd(old=old, new=new, final=final))
