"""One verb, from its options to its exit code."""

from __future__ import annotations

import contextlib
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


def demand_confirmation(confirmed: bool, consequence: str) -> None:
    """InputError unless the operator said they mean it."""
    if not confirmed:
        raise InputError(f"this {consequence}", hint=f"if you mean it, add {REALLY}")


confirmation = click.option(REALLY, "confirmed", is_flag=True, help="Needed: this interrupts the cloud.")
