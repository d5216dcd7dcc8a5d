"""The desired state of a revision as a document, from which it can be planned towards again.

Jobs, checks and verbs are no part of it: going back runs none but those that exist for it, those that see
whether an image may have the data there is, and those that bring back the backup of an upgrade. Contents of
files are apart, by digest: revisions have most of them in common.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from kolla.errors import KollaError
from kolla.state.desired import (
    Desired,
    DesiredContainer,
    DesiredEndpoint,
    DesiredJob,
    Node,
    Proxy,
    Restore,
    host_id,
)
from kolla.state.render import RenderedFolder
from kolla.state.resources import Resources

Kept = TypeVar("Kept", DesiredContainer, DesiredJob)

FORMAT = 1
"""Grows when a document of before can no longer be read."""


NOT_COUNTED = ("secrets", "jobs", "restores", "verbs")
"""What two states may differ in and still be the same."""


@dataclass(frozen=True)
class _Given:
    """What a service was given of a host itself."""

    host: str
    service: str
    resources: Resources


@dataclass(frozen=True)
class _State:
    """In the order of the file. A file's text is its digest here."""

    cloud_name: str
    cloud_id: str
    hosts: tuple[str, ...]
    containers: tuple[DesiredContainer, ...]
    given: tuple[_Given, ...]
    endpoints: tuple[DesiredEndpoint, ...]
    secrets: tuple[str, ...]
    release: str = ""
    back: tuple[DesiredJob, ...] = ()
    jobs: tuple[DesiredJob, ...] = ()
    restores: tuple[Restore, ...] = ()
    verbs: tuple[DesiredJob, ...] = ()
    proxy: Proxy | None = None


_STATE = TypeAdapter(_State)


def document(desired: Desired) -> dict[str, Any]:
    """The desired state as JSON; file contents by digest. It holds passwords, for masking."""
    state = _State(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        hosts=desired.hosts,
        containers=tuple(replace(_without_contents(c), sources={}) for c in desired.containers),
        given=tuple(_Given(host, service, r) for (host, service), r in desired.host_needs.items()),
        endpoints=tuple(desired.endpoints.values()),
        secrets=tuple(sorted(desired.secrets)),
        release=desired.release,
        back=tuple(_without_contents(job) for job in desired.back),
        jobs=tuple(_without_contents(job) for job in _kept(desired)),
        restores=desired.restores,
        verbs=tuple(_without_contents(job) for job in restoring_jobs(desired)),
        proxy=desired.proxy,
    )
    return {"format": FORMAT, **_STATE.dump_python(state, mode="json")}


def restored(saved: Mapping[str, Any], contents: Callable[[str], str]) -> Desired:
    """The desired state of a document; `contents` gives a file's text for its digest.

    KollaError for a document of another format.
    """
    fields = dict(saved)
    found = fields.pop("format", None)
    if found != FORMAT:
        raise KollaError(
            f"the state of this revision has format {found}",
            expected=f"format {FORMAT}, which this version of kolla reads",
        )
    try:
        state = _STATE.validate_python(fields)
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise KollaError(f"the state of this revision cannot be read: {where}") from None
    return Desired(
        cloud_name=state.cloud_name,
        cloud_id=state.cloud_id,
        hosts=state.hosts,
        containers=tuple(_with_contents(container, contents) for container in state.containers),
        jobs=tuple(_with_contents(job, contents) for job in state.jobs),
        checks=(),
        verbs=tuple(_with_contents(job, contents) for job in state.verbs),
        restores=state.restores,
        host_needs={(each.host, each.service): each.resources for each in state.given},
        requirements=(),
        endpoints={endpoint.id: endpoint for endpoint in state.endpoints},
        secrets=frozenset(state.secrets),
        release=state.release,
        back=tuple(_with_contents(job, contents) for job in state.back),
        proxy=state.proxy,
    )


def digest(saved: Mapping[str, Any]) -> str:
    """SHA-256 of what hosts would become; passwords that are in no file do not count, nor what only looks."""
    counted = {key: value for key, value in saved.items() if key not in NOT_COUNTED}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def file_digests(saved: Mapping[str, Any]) -> frozenset[str]:
    """Digests of all files a document names."""
    return frozenset(
        file["merged"]["text"]
        for part in ("containers", "back", "jobs", "verbs")
        for node in saved.get(part, ())
        for file in node["config"]["files"].values()
    )


def narrowed(
    desired: Desired,
    before: Callable[[], Desired | None],
    hosts: Collection[str],
    services: Collection[str] | None,
) -> Desired:
    """What the cloud is after a change of only some hosts (`--limit`) and services (`--tags`, None: all):
    these as `desired` has them, everything else as it was `before`, which is asked only then."""
    complete = services is None and set(hosts) >= set(desired.hosts)
    if complete:
        kept_verbs = restoring_jobs(desired)
        return replace(desired, jobs=_kept(desired), checks=(), verbs=kept_verbs, requirements=())

    def inside(host: str, service: str) -> bool:
        return host in hosts and (services is None or service in services)

    old = before() or replace(
        desired, containers=(), jobs=(), host_needs={}, endpoints={}, secrets=frozenset()
    )
    containers = (
        *(each for each in desired.containers if inside(each.host, each.service)),
        *(each for each in old.containers if not inside(each.host, each.service)),
    )
    jobs = (
        *(each for each in _kept(desired) if inside(each.host, each.service)),
        *(each for each in _kept(old) if not inside(each.host, each.service)),
    )
    given = {key: needs for key, needs in desired.host_needs.items() if inside(*key)}
    given |= {key: needs for key, needs in old.host_needs.items() if not inside(*key)}
    return replace(
        desired,
        hosts=tuple(dict.fromkeys((*desired.hosts, *old.hosts))),
        containers=containers,
        jobs=jobs,
        checks=(),
        verbs=restoring_jobs(desired),
        requirements=(),
        host_needs=given,
        endpoints={**old.endpoints, **desired.endpoints},
        secrets=desired.secrets | old.secrets,
    )


def partly(before: Desired, after: Desired, done: Collection[str]) -> Desired:
    """What the cloud is when of a change from one state to another only the operations `done` (ids) were."""
    new = {container.id: container for container in after.containers if container.id in done}
    old = [c for c in before.containers if f"remove:{c.spec.name}@{c.host}" not in done]
    given = {key: needs for key, needs in after.host_needs.items() if host_id(key[1], key[0]) in done}
    if not new and not given and len(old) == len(before.containers):
        return before
    return replace(
        before,
        containers=(*(new.pop(c.id, c) for c in old), *new.values()),
        host_needs={**before.host_needs, **given},
        endpoints={**after.endpoints, **before.endpoints},
        secrets=before.secrets | after.secrets,
    )


def on_hosts(desired: Desired, hosts: tuple[str, ...]) -> Desired:
    """What there is of a state on these hosts."""
    return replace(
        desired,
        hosts=hosts,
        containers=tuple(each for each in desired.containers if each.host in hosts),
        jobs=tuple(each for each in desired.jobs if each.host in hosts),
        back=tuple(each for each in desired.back if each.host in hosts),
        host_needs={key: needs for key, needs in desired.host_needs.items() if key[0] in hosts},
        endpoints={id_: each for id_, each in desired.endpoints.items() if each.host in hosts},
    )


def kept_nodes(desired: Desired) -> tuple[Node, ...]:
    """What a document names the files of."""
    return (*desired.containers, *desired.back, *_kept(desired), *restoring_jobs(desired))


def restoring_jobs(desired: Desired) -> tuple[DesiredJob, ...]:
    """The jobs that bring backups back."""
    names = {name for restore in desired.restores for name in (restore.job, restore.check)}
    return tuple(job for job in desired.verbs if job.name in names)


def _kept(desired: Desired) -> tuple[DesiredJob, ...]:
    """The jobs that a rollback does as a deploy would."""
    return tuple(job for job in desired.jobs if job.takeover)


def _without_contents(node: Kept) -> Kept:
    # What went into an image is no question any more once it is chosen, and it is long. In which line of
    # which file a setting stood is none of what the hosts become.
    image = node.image.model_copy(update={"inputs": None, "why": "", "log": None})
    files = {
        name: replace(file, merged=replace(file.merged, text=file.sha256, settings={}), secrets=frozenset())
        for name, file in node.config.files.items()
    }
    return replace(node, image=image, config=RenderedFolder(node.config.path, files))


def _with_contents(node: Kept, contents: Callable[[str], str]) -> Kept:
    files = {
        name: replace(file, merged=replace(file.merged, text=contents(file.merged.text)))
        for name, file in node.config.files.items()
    }
    return replace(node, config=RenderedFolder(node.config.path, files))
