"""The operator's own programs around a verb: which of their files are run for a plan. Pure.

A file's name says when: `pre-deploy.yml`, `post-deploy-keystone.sh`; `pre-deploy.d/` holds several, run in
the order of their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from kolla.catalogue.model import Model
from kolla.errors import nearest

Moment = Literal["pre", "post", "failed"]

VERBS = (
    *("deploy", "upgrade", "rollback", "start", "stop", "restart", "destroy"),
    *("host-add", "host-remove", "host-replace", "host-maintenance"),
)
"""Verbs with hooks, besides those that services have of their own. A reconfigure is a deploy, to hooks as
well."""

PLAYBOOKS = (".yml", ".yaml")


class Hook(Model):
    """A file of the operator that a plan runs; a part of it, so that nothing is run that was not shown."""

    moment: Moment
    path: str
    """Below the directory of hooks."""
    sha256: str
    """Of what is in it; another file is not run for this plan."""

    @property
    def playbook(self) -> bool:
        """Whether it is for Ansible; everything else is a program."""
        return self.path.endswith(PLAYBOOKS)


@dataclass(frozen=True)
class Occasion:
    """When a file is run."""

    moment: Moment
    verb: str
    service: str | None
    """Only when the plan does something about this service."""


def occasion(path: str, services: Collection[str], verbs: Collection[str] = VERBS) -> Occasion | None:
    """What the name of a file below the directory of hooks says; None when it says nothing we know."""
    top, _, below = path.partition("/")
    if below and not top.endswith(".d"):
        return None
    stem = top.removesuffix(".d") if below else top.partition(".")[0]
    moment, _, rest = stem.partition("-")
    for known in get_args(Moment):
        for verb in sorted(verbs, key=len, reverse=True):
            if moment != known or not (rest == verb or rest.startswith(f"{verb}-")):
                continue
            service = rest[len(verb) + 1 :] or None
            if service is None or service in services:
                return Occasion(known, verb, service)
    return None


def meant(path: str, services: Iterable[str], verbs: Collection[str] = VERBS) -> str | None:
    """The known beginning of a name that is most like this one."""
    beginnings = [f"{moment}-{verb}" for moment in get_args(Moment) for verb in verbs]
    top = path.partition("/")[0].partition(".")[0]
    return nearest(top, [*beginnings, *(f"{b}-{service}" for b in beginnings for service in services)])


def chosen(
    files: Iterable[str],
    verb: str,
    planned: Collection[str],
    services: Collection[str],
    verbs: Collection[str] = VERBS,
) -> list[tuple[Moment, str]]:
    """Those of `files` that a verb runs when its plan is about the services `planned`, in their order.

    What is for one service is nearer to the change than what is for all: later before it, earlier after it.
    """
    due: list[tuple[int, str, Moment]] = []
    for path in files:
        when = occasion(path, services, verbs)
        if when is None or when.verb != verb or (when.service and when.service not in planned):
            continue
        nearer = when.service is not None
        rank = {"pre": int(nearer), "post": 3 - nearer, "failed": 5 - nearer}[when.moment]
        due.append((rank, path, when.moment))
    return [(moment, path) for _, path, moment in sorted(due)]
