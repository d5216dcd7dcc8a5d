"""One verb, from its options to its exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from kolla.cli.options import Options
from kolla.cli.progress import display
from kolla.cli.show import Result, show
from kolla.errors import InputError
from kolla.events import Listener, ignore

if TYPE_CHECKING:
    from kolla.api import Cloud
    from kolla.results import Planned

REALLY = "--yes-i-really-really-mean-it"


def run(verb: Callable[[Cloud], Result], *, interactive: bool = False) -> None:
    """Do `verb` on the cloud the options speak of; see `perform`."""
    options = click.get_current_context().ensure_object(Options)
    perform(lambda progress: verb(options.cloud(progress)), interactive=interactive)


def perform(work: Callable[[Listener], Result], *, interactive: bool = False) -> None:
    """Do something with a progress display, show its result, and end with the result's exit code.

    What is interactive has the terminal for itself.
    """
    context = click.get_current_context()
    with contextlib.nullcontext(ignore) if interactive else display() as progress:
        result = work(progress)
    show(result, context.ensure_object(Options).format)
    context.exit(result.exit_code)


def run_approved(
    prepare: Callable[[Cloud], Planned],
    act: Callable[[Cloud, Planned], Result],
    approve: Callable[[Planned], None],
    *,
    confirmed: bool,
) -> None:
    """Say what a verb is going to do, on standard error, and do it once the operator wants it.

    `approve` asks whoever has not `confirmed` it with an option, and raises unless they mean it.
    """
    options = click.get_current_context().ensure_object(Options)
    listeners: list[Listener] = [ignore]
    cloud = options.cloud(lambda event: listeners[-1](event))
    with display() as progress:
        listeners.append(progress)
        planned = prepare(cloud)
    if planned.plan:
        click.echo(planned.text(), err=True)
        if not confirmed:
            approve(planned)

    def work(progress: Listener) -> Result:
        listeners.append(progress)
        return act(cloud, planned)

    perform(work)


def ask_yes(planned: Planned) -> None:
    """Ask for a yes; InputError without one, or where nobody can be asked."""
    if not sys.stdin.isatty():
        demand_confirmation(False, "is what would be done")
    if not click.confirm("Go on?", err=True):
        raise InputError("not confirmed; nothing was touched")


def demand_confirmation(confirmed: bool, consequence: str) -> None:
    """InputError unless the operator said they mean it."""
    if not confirmed:
        raise InputError(f"this {consequence}", hint=f"if you mean it, add {REALLY}")


confirmation = click.option(REALLY, "confirmed", is_flag=True, help="Needed: this interrupts the cloud.")
