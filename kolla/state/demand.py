"""What is run only when somebody asks for it: functional checks, and verbs of services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kolla.state.desired import Desired, DesiredJob, image_id, volume_id
from kolla.state.host_state import HostState
from kolla.state.order import ordered
from kolla.state.plan import Operation, Plan
from kolla.state.reconcile import fingerprint, image_operation, job_operation
from kolla.state.volumes import missing

ARGUMENT = "KOLLA_ARGUMENT"
"""The variable in which a verb's job finds what was said to it."""

ASKED_FOR = ("asked for",)


def demanded(desired: Desired, jobs: Iterable[DesiredJob], states: Mapping[str, HostState]) -> Plan:
    """A plan of those `jobs` whose hosts are in `states`, with the images and own volumes that are missing.

    Jobs are run every time, whatever they would wait for in a deploy, and leave no record.
    """
    operations = demands(desired, jobs, states, ASKED_FOR)
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition="",
        operations=tuple(ordered(operations)),
    )


def demands(
    desired: Desired,
    jobs: Iterable[DesiredJob],
    states: Mapping[str, HostState],
    causes: tuple[str, ...],
) -> list[Operation]:
    """The operations of such a plan, to be a part of a larger one."""
    operations: dict[str, Operation] = {}
    precondition = fingerprint(states)
    for job in jobs:
        state = states.get(job.host)
        if state is None:
            continue
        observed = state.containers.get(job.present)
        if observed is not None:
            job = replace(job, spec=job.spec.model_copy(update={"image": observed.spec["image"]}))
        elif job.spec.image not in state.images:
            image = image_operation(job.image, job.host)
            operations[image.id] = image
        own = {volume_id(volume, job.host) for volume in job.own_volumes}
        for volume in missing(job, state, desired, precondition):
            if volume.id in own:
                operations.setdefault(volume.id, volume)
        after = (image_id(job.image.name, job.host), *sorted(own))
        operations[job.id] = job_operation(job, {}, causes=causes, record=False).model_copy(
            update={"after": tuple(id_ for id_ in after if id_ in operations)}
        )
    return list(operations.values())


def told(job: DesiredJob, argument: str) -> DesiredJob:
    """The job of a verb to which something was said."""
    environment = {**job.spec.environment, ARGUMENT: argument}
    return replace(job, spec=job.spec.model_copy(update={"environment": environment}))
