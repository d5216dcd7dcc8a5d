"""Which host is first where the others get their data from it: `first` in `after` of service.yml.

A host that has data already is preferred to an empty one, be it the first of its group: it was replaced, and
is to have the data of the others, never data of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kolla.state.desired import Desired, DesiredContainer, DesiredJob, container_id
from kolla.state.host_state import HostState


def chosen(desired: Desired, states: Mapping[str, HostState]) -> Desired:
    """The desired state as the hosts in `states` let it be: containers without data wait for the one on the
    first host, and jobs that are done there are done nowhere else."""
    hosts = {
        name: host_of((c for c in desired.containers if c.name == name), states)
        for name in dict.fromkeys(c.name for c in desired.containers if c.first is not None)
    }
    if not hosts:
        return desired
    return replace(
        desired,
        containers=tuple(
            _waiting(c, hosts[c.name], states) if c.name in hosts else c for c in desired.containers
        ),
        jobs=tuple(
            j for j in desired.jobs if not j.first_of or j.host in _job_hosts(j, desired, hosts, states)
        ),
    )


def _job_hosts(
    job: DesiredJob, desired: Desired, hosts: Mapping[str, str | None], states: Mapping[str, HostState]
) -> set[str | None]:
    """Where a job for the first host belongs: where it was done for the data there is, else on that host.

    What the first lost and got back from the others was made by one of them.
    """
    done = {j.host for j in desired.jobs if j.name == job.name and _is_done(j, states)}
    return {*done} or {hosts.get(job.first_of)}


def _is_done(job: DesiredJob, states: Mapping[str, HostState]) -> bool:
    """Whether a job was done on its host as it is to be, for the volumes that are there."""
    state = states.get(job.host)
    record = state.jobs.get(job.name) if state is not None else None
    return (
        state is not None
        and record is not None
        and record.key == job.key
        and all(
            state.volumes.get(volume) == record.epochs.get(f"{host}/{volume}")
            for host, volume in job.volumes
            if host == job.host
        )
    )


def host_of(containers: Iterable[DesiredContainer], states: Mapping[str, HostState]) -> str | None:
    """The first host for a container that several have; None while nobody knows: of the hosts asked none has
    data, and others may."""
    hosts = list(containers)
    with_data = next((c.host for c in hosts if has_data(c, states)), None)
    complete = all(c.host in states for c in hosts)
    return with_data or (hosts[0].host if complete else None)


def has_data(container: DesiredContainer, states: Mapping[str, HostState]) -> bool:
    """Whether a container that says `first` has data on its host; not known, and so false, where nobody was
    asked."""
    state = states.get(container.host)
    return state is not None and any(
        state.volumes.get(volume) is not None and volume not in state.blank
        for volume in container.first or ()
    )


def _waiting(
    container: DesiredContainer, first: str | None, states: Mapping[str, HostState]
) -> DesiredContainer:
    if first in (None, container.host) or has_data(container, states):
        return container
    return replace(container, after=(*container.after, container_id(container.name, str(first))))
