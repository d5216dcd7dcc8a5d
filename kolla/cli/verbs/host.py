"""Verbs about hosts that come, go, are replaced, or are not to be used for some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from kolla.cli import options
from kolla.cli.run import ask_yes, confirmation, run_approved
from kolla.host_results import Removal

if TYPE_CHECKING:
    from kolla.api import Cloud, HostChange

host_argument = click.argument("host")


def _run(prepare: Callable[[Cloud], HostChange], confirmed: bool) -> None:
    run_approved(prepare, lambda _, change: change.carry_out(), ask_yes, confirmed=confirmed)


@click.group()
@options.hosts
def host() -> None:
    """Add a host to the cloud, remove or replace one, or take one out of service for some time.

    Each says first, step by step, what it is going to do, and asks. docs/hosts.md tells more.
    """


@host.command()
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@confirmation
@options.hosts
def add(hosts: tuple[str, ...], confirmed: bool) -> None:
    """Make each HOST, which is in the inventory already, a part of the cloud.

    It is made ready, looked at and deployed, and other hosts learn of it; nothing else that is due is done.
    """
    _run(lambda cloud: cloud.host_add(hosts), confirmed)


@host.command()
@host_argument
@click.option("--drain", is_flag=True, help="Move what is on it elsewhere first, as kolla drain does.")
@click.option(
    "--off", is_flag=True, help="It is off and never comes back: what was on it is made again elsewhere."
)
@click.option("--volumes", is_flag=True, help="Its data goes, too, FOR GOOD; without it, volumes stay there.")
@confirmation
@options.hosts
def remove(host: str, drain: bool, off: bool, volumes: bool, confirmed: bool) -> None:
    """Take HOST out of the cloud; afterwards, take it out of the inventory.

    Nobody is served by it any more, its containers go, the others go on without it, and what services
    know of it goes. Refused while servers are on it, when it is the only host of a group, and when a
    cluster would have no majority without it.
    """
    if off and (drain or volumes):
        raise click.UsageError("nothing can be moved or removed on a host that is off")
    how = Removal(drain=drain, off=off, volumes=volumes)
    _run(lambda cloud: cloud.host_remove(host, how), confirmed)


@host.command()
@host_argument
@confirmation
@options.hosts
def replace(host: str, confirmed: bool) -> None:
    """Make HOST, a new one with the name and address of an earlier one, what that one was.

    Its members of clusters get their data from the others. Refused when it is not empty, or something
    that was on the earlier one is not elsewhere yet.
    """
    _run(lambda cloud: cloud.host_replace(host), confirmed)


@host.command()
@host_argument
@click.argument("state", type=click.Choice(["on", "off"]), metavar="STATE")
@click.option("--stop", is_flag=True, help="Stop its containers as well.")
@confirmation
@options.hosts
def maintenance(host: str, state: str, stop: bool, confirmed: bool) -> None:
    """Take HOST out of service for some time (on), or back into it (off).

    Its servers move elsewhere, no load balancer passes anything on to it, the VIP goes to another host.
    """
    if stop and state == "off":
        raise click.UsageError("--stop is for: maintenance HOST on")
    _run(lambda cloud: cloud.host_maintenance(host, on=state == "on", stop=stop), confirmed)
