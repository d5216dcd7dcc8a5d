"""Verbs that rotate passwords: which jobs bring them to the hosts, and whether all have the present ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from kolla.errors import InputError
from kolla.secret import Secret
from kolla.state.demand import ASKED_FOR, demands
from kolla.state.desired import Desired, DesiredJob
from kolla.state.host_state import HostState
from kolla.state.order import behind, ordered
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile


def carriers(desired: Desired, values: Collection[Secret]) -> list[DesiredJob]:
    """The jobs of a deploy whose files hold one of these passwords."""
    texts = [value.reveal().encode() for value in values]
    return [
        job
        for job in desired.jobs
        if any(text in file.content for file in job.config.files.values() for text in texts)
    ]


def check_complete(name: str, jobs: Iterable[DesiredJob], states: Mapping[str, HostState]) -> None:
    """InputError unless every host has the present passwords: one that missed two rotations would not know
    what the others use."""
    for job in jobs:
        if job.host not in states:
            raise InputError(
                f"'{name}' is for all hosts, and --limit leaves out {job.host}",
                hint=f"run kolla {name} without --limit",
            )
        record = states[job.host].jobs.get(job.name)
        if record is None or record.key != job.key:
            raise InputError(
                f"host '{job.host}' does not have what the last rotation made: job {job.name} is not done",
                hint="run: kolla deploy",
            )


def rotated(
    desired: Desired,
    jobs: Iterable[DesiredJob],
    states: Mapping[str, HostState],
    values: Collection[Secret],
) -> Plan:
    """The plan once the passwords have moved: the jobs of a deploy that carry them, then the verb's own."""
    wanted = {job.id for job in carriers(desired, values)}
    carrying = [o for o in reconcile(desired, states).operations if o.id in wanted]
    before = [operation.id for operation in carrying]
    asked = [behind(operation, before) for operation in demands(desired, jobs, states, ASKED_FOR)]
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition="",
        operations=tuple(ordered([*carrying, *asked])),
    )
