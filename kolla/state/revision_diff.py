"""What differs between two revisions: the plan that would lead from one to the other.

The older one is taken as host states, as if it had been carried out faithfully, so that a difference reads
just like the causes of a plan.
"""

from __future__ import annotations

from dataclasses import replace

from kolla.catalogue.model import Model
from kolla.secret import Secret
from kolla.state.desired import Desired
from kolla.state.host_state import Engine, HostState, JobRecord, ObservedContainer, ObservedFile
from kolla.state.plan import ContainerOperation, HostOperation, RemoveOperation
from kolla.state.reconcile import reconcile
from kolla.state.resources import union

EPOCH = "as it was"
"""Of every volume: nothing was lost between the two."""


class Difference(Model):
    """A container, or what a service needs of a host itself, that is not the same in both."""

    host: str
    subject: str
    what: str
    """added, removed or changed."""
    details: tuple[str, ...]
    """How, one phrase each; of what was added or removed, nothing."""


def differences(old: Desired, new: Desired) -> tuple[Difference, ...]:
    """Host by host, what `new` has in another way than `old`; secrets are masked."""
    # What stands in the way is no question where nobody goes from one to the other.
    containers = tuple(replace(each, cannot_succeed={}) for each in new.containers)
    masking = replace(new, containers=containers, secrets=old.secrets | new.secrets, data=frozenset())
    found = []
    for operation in reconcile(masking, as_applied(old, new)).operations:
        if isinstance(operation, RemoveOperation):
            what, subject = "removed", f"container {operation.container}"
        elif isinstance(operation, ContainerOperation):
            what = "added" if operation.action == "create" else "changed"
            subject = f"container {operation.spec.name}"
        elif isinstance(operation, HostOperation):
            what, subject = "changed", f"host for {operation.service}"
        else:
            continue
        details = operation.causes if what == "changed" else ()
        found.append(Difference(host=operation.host, subject=subject, what=what, details=details))
    return tuple(sorted(found, key=lambda difference: (difference.host, difference.subject)))


def as_applied(desired: Desired, other: Desired) -> dict[str, HostState]:
    """The hosts of both as they are when `desired` was carried out on them."""
    return {host: _host(host, desired) for host in dict.fromkeys((*desired.hosts, *other.hosts))}


def _host(host: str, desired: Desired) -> HostState:
    containers, jobs = desired.containers_on(host), desired.jobs_on(host)
    nodes = (*containers, *jobs)
    given = desired.needs_of.get(host, {})
    return HostState(
        host=host,
        engine=Engine(name="", version=""),
        containers={
            container.spec.name: ObservedContainer(
                name=container.spec.name,
                state="running",
                ready=True,
                service=container.service,
                spec_digest=container.spec.digest,
                generation=1,
                spec=container.spec.model_dump(mode="json"),
                folder=container.config.path,
                taken=container.config.folder.digest,
            )
            for container in containers
        },
        folders={
            container.config.path: {
                name: ObservedFile(sha256=file.sha256, mode="0600", content=Secret(file.merged.text))
                for name, file in container.config.files.items()
            }
            for container in containers
        },
        volumes={m.source: EPOCH for node in nodes for m in node.spec.mounts if m.type == "volume"},
        images=tuple(sorted({node.spec.image for node in nodes})),
        jobs={
            job.name: JobRecord(key=job.key, epochs={f"{h}/{volume}": EPOCH for h, volume in job.volumes})
            for job in jobs
        },
        resources=union(given.values()),
        given=dict(given),
    )
