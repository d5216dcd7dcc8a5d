"""Which OpenStack release runs, which one is wanted, and what may be done about the difference. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kolla.catalogue.upgrades import Stage
from kolla.errors import InputError, KollaError
from kolla.state.changes import ReleaseChange
from kolla.state.host_state import HostState

UPGRADE = "kolla upgrade"
ROLLBACK = "kolla rollback"
FINISH = "kolla upgrade --finish"


@dataclass(frozen=True)
class Course:
    """Where a cloud is between two releases."""

    stage: Stage = Stage.SETTLED
    change: ReleaseChange | None = None
    """The upgrade that is not finished."""
    begun: bool = False
    """Whether anything runs the newer release already."""


SETTLED = Course()


def order(release: str) -> int:
    """Its place among the releases, of which there are two a year: `2026.1`."""
    year, _, half = release.partition(".")
    return int(year) * 2 + int(half)


def supported(before: str, after: str) -> bool:
    """Whether one may upgrade from one release to another: to the next one, and from a .1 to the next .1.

    OpenStack tests these and no others (SLURP releases, TC resolution 2022-02-10).
    """
    distance = order(after) - order(before)
    return distance == 1 or (distance == 2 and before.endswith(".1"))


_RELEASE = re.compile(r"\d{4}\.[12]")


def running(states: Mapping[str, HostState]) -> dict[str, list[str]]:
    """Release -> the containers that run it, as `name on host`; without those that name none."""
    found: dict[str, list[str]] = {}
    for host, state in states.items():
        for name, container in sorted(state.containers.items()):
            if _RELEASE.fullmatch(container.version):
                found.setdefault(container.version, []).append(f"{name} on {host}")
    return found


def unfinished(states: Mapping[str, HostState]) -> ReleaseChange | None:
    """The upgrade on record, if any host has one."""
    return next((state.upgrade for state in states.values() if state.upgrade is not None), None)


def reminder(release: str, states: Mapping[str, HostState]) -> str:
    """That an upgrade is not finished, or was given up, and both ways on; empty without one.

    `release`: of the images.
    """
    change = unfinished(states)
    if change is None:
        return ""
    if change.after in running(states):
        return f"the upgrade {change} is not finished; to stay: {FINISH}; to go back: {ROLLBACK}"
    build = "" if release == change.after else f"set openstack_release: {change.after}, kolla build, "
    return (
        f"{change.before} runs on the schemas of {change.after}, which the upgrade expanded and a rollback "
        f"leaves; to go forward again: {build}{UPGRADE}; to give it up, do nothing: the next upgrade may be "
        f"to {change.after} or a later release"
    )


def course(release: str, states: Mapping[str, HostState]) -> Course:
    """Where the cloud is, for whoever only looks; refuses nothing."""
    change = unfinished(states)
    if change is not None and change.after == release:
        return Course(Stage.EXPANDED, change, begun=release in running(states))
    if change is not None and change.before == release:
        return Course(Stage.BACK, change)
    return SETTLED


def deploy_course(release: str, states: Mapping[str, HostState]) -> Course:
    """Where the cloud is, as a deploy of images of `release` finds it.

    InputError, which says what to do instead, when that would be an upgrade or a way back.
    """
    change, found = unfinished(states), running(states)
    if change is None:
        others = [other for other in found if other != release]
        if not others:
            return SETTLED
        if all(order(other) < order(release) for other in others):
            raise InputError(
                f"{', '.join(sorted(others))} runs, and the images are of {release}: this is an upgrade",
                hint="look at it: kolla plan --upgrade; do it: kolla upgrade",
            )
        raise InputError(
            f"{', '.join(sorted(others))} runs, and the images are of {release}: a deploy does not go back",
            hint=f"set openstack_release: {others[0]} and run: kolla build",
        )
    if change.after not in found and order(release) >= order(change.after):
        raise InputError(
            f"{change.before} runs, and the images are of {release}: this is an upgrade",
            hint="look at it: kolla plan --upgrade; do it: kolla upgrade",
        )
    if release not in (change.before, change.after):
        raise InputError(
            f"the upgrade {change} is not finished, and the images are of {release}",
            hint=f"set openstack_release: {change.after} and run: kolla build; then: {FINISH}",
        )
    if change.before == release and change.after in found:
        raise InputError(
            f"the images are of {release}, and there runs {change.after}: {_some(found[change.after])}",
            hint=f"to go back: {ROLLBACK}; to go on: set openstack_release: {change.after}, kolla build",
        )
    return course(release, states)


def upgrade_course(release: str, states: Mapping[str, HostState]) -> Course:
    """Where the cloud is, as an upgrade to `release` finds it; InputError when there can be none."""
    change, found = unfinished(states), running(states)
    if change is not None and change.after == release:
        return course(release, states)
    if change is not None and change.before == release:
        raise InputError(
            f"the images are of {release}, which the cloud comes from",
            hint=f"set openstack_release: {change.after} and run: kolla build",
        )
    if change is not None and change.after in found:
        raise InputError(
            f"the upgrade from {change.before} to {change.after} is not finished", hint=f"run: {FINISH}"
        )
    if change is not None and order(release) < order(change.after):
        raise InputError(
            f"{release} does not know the schemas there are, which are of {change.after}",
            expected=f"images of {change.after} or a later release",
            hint=f"set openstack_release: {change.after} and run: kolla build",
        )
    others = sorted(other for other in found if other != release)
    if not others:
        raise InputError(
            f"nothing runs another release than {release}, which the images are of",
            hint="set openstack_release to a newer one and run: kolla build; within a release: kolla deploy",
        )
    if len(others) > 1 or release in found:
        raise InputError(f"several releases run: {', '.join(sorted(found))}", hint="see: kolla status")
    (before,) = others
    if not supported(before, release):
        raise InputError(
            f"there is no way from {before} to {release} in one step",
            expected="the next release, or from a .1 release to the next .1",
            hint=ROLLBACK if order(release) < order(before) else None,
        )
    _demand_health(states)
    return Course(Stage.EXPANDED, ReleaseChange(before=before, after=release))


def finish_course(release: str, states: Mapping[str, HostState]) -> Course:
    """Where the cloud is, as the end of an upgrade finds it; InputError when it cannot be ended now."""
    change, found = unfinished(states), running(states)
    if change is None:
        raise InputError("no upgrade is unfinished", hint="see: kolla status")
    if change.after != release:
        raise InputError(
            f"the upgrade to {change.after} is not finished, and the images are of {release}",
            hint=f"set openstack_release: {change.after} and run: kolla build",
        )
    older = [name for other, names in found.items() if other != release for name in names]
    if older:
        raise InputError(
            f"not everything runs {release} yet: {_some(older)}", hint="finish the swap first: kolla upgrade"
        )
    return Course(Stage.FINISHING, None)


def _demand_health(states: Mapping[str, HostState]) -> None:
    """KollaError unless all that there is runs and is healthy."""
    ill = [
        f"{name} on {host} is {container.health if container.state == 'running' else container.state}"
        for host, state in states.items()
        for name, container in sorted(state.containers.items())
        if container.state != "running" or container.health == "unhealthy"
    ]
    if ill:
        raise KollaError(
            f"an upgrade begins with a healthy cloud: {_some(ill)}",
            hint="run: kolla check",
        )


def _some(names: list[str]) -> str:
    """The first few of a list."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
