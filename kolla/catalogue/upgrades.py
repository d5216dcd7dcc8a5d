"""A service at a stage of an upgrade: which of its jobs there are, and what waits for what.

An upgrade is not another planner. It is the same one, given services that say what holds meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from kolla.catalogue.model import Container, Job, Service, Upgrade

Waiting = TypeVar("Waiting", Container, Job)


class Stage(StrEnum):
    """How far an upgrade is."""

    SETTLED = "settled"
    """There is none."""
    EXPANDED = "expanded"
    """Begun and not finished: schemas are what both releases run with."""
    BACK = "back"
    """Rolled back: the older release runs, with the schemas of the newer one."""
    FINISHING = "finishing"
    """All that the older release needed is taken away."""


def jobs(upgrade: Upgrade) -> Mapping[str, Mapping[str, Job]]:
    """Every job of an upgrade, by the word it stands below."""
    return {
        "checks": upgrade.checks,
        "expand": upgrade.expand,
        "finish": upgrade.finish,
        "back": upgrade.back,
    }


def references(upgrade: Upgrade) -> Iterable[str]:
    """What others may wait for: its jobs but the checks, which nothing comes before."""
    return (f"job/{name}" for part in (upgrade.expand, upgrade.finish, upgrade.back) for name in part)


def has_schemas(service: Service) -> bool:
    """Whether a newer release leaves something that an older one has to work with: then one goes back only
    where `releases` says that it does."""
    return bool(service.databases or service.upgrade.expand or service.upgrade.releases)


def at(service: Service, stage: Stage) -> Service:
    """The service as it is at a stage."""
    upgrade = service.upgrade
    if stage is Stage.SETTLED:
        return service
    if stage is Stage.FINISHING:
        return service.model_copy(update={"jobs": {**service.jobs, **upgrade.finish}})
    instead = upgrade.expand if stage is Stage.EXPANDED else upgrade.back
    left = {name: job for name, job in service.jobs.items() if name not in upgrade.postponed}
    renamed = {f"job/{name}": tuple(f"job/{other}" for other in instead) for name in upgrade.postponed}
    containers = {name: _waiting(container, renamed) for name, container in service.containers.items()}
    order = upgrade.after if stage is Stage.EXPANDED else {}
    for name, words in order.items():
        own = containers[name]
        after = tuple(dict.fromkeys((*own.after, *words)))
        containers[name] = own.model_copy(update={"after": after})
    return service.model_copy(
        update={
            "jobs": {name: _waiting(job, renamed) for name, job in {**left, **instead}.items()},
            "containers": containers,
        }
    )


def _waiting(part: Waiting, renamed: Mapping[str, tuple[str, ...]]) -> Waiting:
    """A container or a job that waits for other things."""
    after = tuple(dict.fromkeys(other for word in part.after for other in renamed.get(word, (word,))))
    changes: dict[str, object] = {"after": after}
    if isinstance(part, Job):
        changes["before"] = tuple(
            dict.fromkeys(other for word in part.before for other in renamed.get(word, (word,)))
        )
    return part.model_copy(update=changes)
