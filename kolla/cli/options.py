"""Options that several verbs share, before or after the verb, and the cloud they describe."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kolla.ansible import inventory
from kolla.events import Listener
from kolla.state.canary_request import SOAK, CanaryRequest, duration

if TYPE_CHECKING:
    from kolla.api import Cloud

Command = TypeVar("Command", bound=Callable[..., Any])


def _default_configdir() -> Path:
    return Path(os.environ.get("KOLLA_CONFIG_PATH") or "/etc/kolla")


@dataclass
class Options:
    """What was given. An option after the verb wins over the same one before it."""

    inventory: tuple[str, ...] = ()
    configdir: Path = field(default_factory=_default_configdir)
    service_path: tuple[Path, ...] = ()
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    config_file: tuple[Path, ...] = ()
    build_report: Path | None = None
    facts: Path | None = None
    format: str = "text"
    verbose: int = 0
    verb: str = ""
    """Which is at work; empty as long as none is."""

    def cloud(self, progress: Listener) -> Cloud:
        """The cloud these options speak of; nothing is read yet, but for the inventory."""
        if any(parameter.name == "inventory" for parameter in click.get_current_context().command.params):
            inventory.begin(inventory.sources(self.inventory, self.configdir))
        from kolla.api import Cloud  # takes its time

        return Cloud(
            config_directory=self.configdir,
            inventory=self.inventory,
            service_paths=self.service_path,
            limit=self.limit,
            tags=self.tags,
            build_config_files=self.config_file,
            build_report=self.build_report,
            facts=self.facts,
            progress=progress,
        )


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    options = ctx.ensure_object(Options)
    if value and param.name:
        setattr(options, param.name, value)


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """What stands between commas; nothing without the option."""
    names = tuple(name.strip() for name in (value or "").split(",") if name.strip())
    if value is not None and not names:  # an empty variable of a script; as "all" it could stop a whole cloud
        raise click.BadParameter("it names nothing; leave it out to mean all", ctx, param)
    return names


def _remember_names(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    _remember(ctx, param, _names(ctx, param, value))


def _option(
    *names: str, callback: Callable[..., None] = _remember, **attributes: Any
) -> Callable[[Command], Command]:
    return click.option(*names, callback=callback, expose_value=False, **attributes)


def _set_verbosity(ctx: click.Context, param: click.Parameter, value: int) -> None:
    _remember(ctx, param, value)
    if value:
        logging.basicConfig(
            level=logging.DEBUG if value > 1 else logging.INFO,
            format="%(asctime)s %(name)s: %(message)s",
        )


CONFIGURATION = (
    _option(
        "--configdir",
        type=click.Path(path_type=Path),
        metavar="DIRECTORY",
        help="Where globals.yml and config/ are.  [default: $KOLLA_CONFIG_PATH or /etc/kolla]",
    ),
    _option(
        "--service-path",
        type=click.Path(path_type=Path),
        multiple=True,
        is_eager=True,  # --help shows the verbs of these services
        metavar="DIRECTORY",
        help="A folder of more services, or one service's folder; repeatable.",
    ),
    _option("-f", "--format", type=click.Choice(["text", "json"]), help="What to print.  [default: text]"),
    _option("-v", "--verbose", count=True, callback=_set_verbosity, help="Say more; twice: everything."),
)
HOSTS = (
    _option(
        "-i",
        "--inventory",
        multiple=True,
        metavar="FILE",
        help="Inventory, as for Ansible; repeatable.  [default: this machine alone]",
    ),
    _option("--limit", callback=_remember_names, metavar="HOSTS", help="Only these hosts or groups (a,b)."),
)
BUILD = (
    _option(
        "--config-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        multiple=True,
        metavar="FILE",
        help="Options of the builder; repeatable.  [default: kolla-build.conf in ~/.kolla, ~, the "
        "configuration directory, or /etc]",
    ),
)
KNOWLEDGE = (
    _option(
        "--build-report",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="With --offline or --against-config: images as another machine built them (its build.json).",
    ),
    _option(
        "--facts",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="With --offline or --against-config: hosts as another machine saw them (its facts.json).",
    ),
)
SERVICES = (
    _option("--tags", callback=_remember_names, metavar="SERVICES", help="Only these services (a,b)."),
)


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def canary(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--canary` and `--soak`, for the command as one argument: the canary that was asked for, or None."""

    @functools.wraps(command)
    def told(*args: Any, canary: tuple[str, ...], soak: int | None, **others: Any) -> Any:
        if soak is not None and not canary:
            raise click.UsageError("--soak is for a canary: add --canary HOST")
        asked = CanaryRequest(canary, SOAK if soak is None else soak) if canary else None
        return command(*args, canary=asked, **others)

    options = (
        click.option(
            "--canary",
            callback=_names,
            metavar="HOST,GROUP:PERCENT",
            help="Change these first, check and watch them, then go on; or take them back.",
        ),
        click.option(
            "--soak",
            callback=_duration,
            metavar="DURATION",
            help=f"How long a canary is watched: 90s, 10m, 1h.  [default: {SOAK}s]",
        ),
    )
    return _all(options)(told)


max_fail = click.option(
    "--max-fail",
    metavar="HOSTS",
    help="On how many hosts it may fail before nothing further is begun: 2, or 10%.  [default: the setting]",
)


def _all(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


configuration = _all(CONFIGURATION)
"""For verbs that touch no host."""
images = _all(BUILD + CONFIGURATION)
"""For verbs that build images."""
knowledge = _all(KNOWLEDGE)
"""For verbs that may be run where nothing was built and no host was seen."""
hosts = _all(HOSTS + CONFIGURATION)
"""For verbs about hosts."""
services = _all(HOSTS + SERVICES + CONFIGURATION)
"""For verbs about services on hosts."""
