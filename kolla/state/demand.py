"""What is run only when somebody asks for it: functional checks, and verbs of services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kolla.state.desired import Desired, DesiredJob, image_id
from kolla.state.host_state import HostState
from kolla.state.plan import Operation, Plan
from kolla.state.reconcile import image_operation, job_operation


def demanded(desired: Desired, jobs: Iterable[DesiredJob], states: Mapping[str, HostState]) -> Plan:
    """A plan of those `jobs` whose hosts are in `states`, with the images these hosts do not have.

    Jobs are run every time, whatever they would wait for in a deploy, and leave no record.
    """
    operations: dict[str, Operation] = {}
    for job in jobs:
        if job.host not in states:
            continue
        if job.spec.image not in states[job.host].images:
            image = image_operation(job.image, job.host)
            operations[image.id] = image
        after = (image_id(job.image.name, job.host),)
        operations[job.id] = job_operation(job, {}, causes=("asked for",), record=False).model_copy(
            update={"after": tuple(id_ for id_ in after if id_ in operations)}
        )
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition="",
        operations=tuple(operations.values()),
    )
