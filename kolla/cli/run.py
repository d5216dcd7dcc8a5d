"""One verb, from its options to its exit code."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from kolla.cli.options import Options
from kolla.cli.progress import display
from kolla.cli.show import Result, show
from kolla.errors import ChangedError, InputError
from kolla.events import Listener, ignore

if TYPE_CHECKING:
    from kolla.api import Cloud
    from kolla.results import Holdings

TRIES = 20
"""So often a plan that was confirmed before it was known is made again when the hosts have changed."""
PAUSE = 2
"""Seconds between two of them."""

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


class Forecast(Protocol):
    """What a verb is going to do."""

    @property
    def empty(self) -> bool:
        """Whether that is nothing."""

    def text(self) -> str:
        """What to show."""


Foreseen = TypeVar("Foreseen", bound=Forecast)


def run_approved(
    prepare: Callable[[Cloud], Foreseen],
    act: Callable[[Cloud, Foreseen], Result],
    approve: Callable[[Foreseen], None],
    *,
    confirmed: bool,
) -> None:
    """Say what a verb is going to do, on standard error, and do it once the operator wants it.

    `approve` asks whoever has not `confirmed` it with an option, and raises unless they mean it. Who has,
    wants it also when it is something else by the time it is to be done: that is shown, and done. Hosts go on
    for a while with what a deployer that was killed had begun.
    """
    options = click.get_current_context().ensure_object(Options)
    listeners: list[Listener] = [ignore]
    cloud = options.cloud(lambda event: listeners[-1](event))

    def once() -> None:
        with display() as progress:
            listeners.append(progress)
            forecast = prepare(cloud)
        if not forecast.empty:
            click.echo(forecast.text(), err=True)
            if not confirmed:
                approve(forecast)

        def work(progress: Listener) -> Result:
            listeners.append(progress)
            return act(cloud, forecast)

        perform(work)

    for _ in range(TRIES if confirmed else 0):
        try:
            return once()
        except ChangedError as changed:
            click.echo(f"{changed.what}; it is shown again", err=True)
            time.sleep(PAUSE)
    return once()


def ask_yes(forecast: Forecast) -> None:
    """Ask for a yes; InputError without one, or where nobody can be asked."""
    demand_confirmation(sys.stdin.isatty(), "is what would be done")
    if not click.confirm("Go on?", err=True):
        raise InputError("not confirmed; nothing was touched")


def ask_name(holdings: Holdings) -> None:
    """Ask for the name of the cloud; InputError for another one."""
    name = click.prompt("Type the name of the cloud to go on", default="", show_default=False, err=True)
    if name != holdings.cloud_name:
        raise InputError(f"that is not '{holdings.cloud_name}'; nothing was touched")


def demand_confirmation(confirmed: bool, consequence: str) -> None:
    """InputError unless the operator said they mean it."""
    if not confirmed:
        raise InputError(f"this {consequence}", hint=f"if you mean it, add {REALLY}")


confirmation = click.option(REALLY, "confirmed", is_flag=True, help="Needed: this interrupts the cloud.")
