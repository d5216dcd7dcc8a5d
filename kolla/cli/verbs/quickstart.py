"""From nothing to a cloud."""

from __future__ import annotations

from pathlib import Path

import click

from kolla.cli import options
from kolla.cli.run import perform
from kolla.cli.show import Result
from kolla.events import Listener


@click.command()
@click.option(
    "--globals",
    "globals_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Settings to add to its globals.yml; of a later run, too.",
)
@options.configuration
def quickstart(globals_file: Path | None) -> None:
    """Make a cloud from nothing: an engine, images, passwords, containers, a server that is logged in to.

    Writes globals.yml and an inventory, then calls other verbs: genpwd, bootstrap-servers, build,
    prechecks, deploy, post-deploy, init-runonce, check. Run again, it changes only what differs. It refuses a
    configuration directory that it did not make.
    """
    given = click.get_current_context().ensure_object(options.Options)

    def work(progress: Listener) -> Result:
        from kolla.quickstart import quickstart

        return quickstart(lambda: given.cloud(progress), globals_file, progress)

    perform(work)
