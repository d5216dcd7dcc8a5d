"""A plan cut into steps, and the plays that carry them out. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from kolla.errors import InputError
from kolla.state.plan import Operation, Plan

Step = Mapping[str, tuple[Operation, ...]]
"""Host -> its operations of one step, in the plan's order. The host's own DAG orders them further."""


def steps(plan: Plan) -> tuple[Step, ...]:
    """Cut `plan` so that a dependency on another host is always in an earlier step.

    An operation's step is that of its latest dependency on its own host, or one more than that of its
    latest dependency on another host. A plan for one host is therefore one step. A dependency that is
    not in the plan is done. InputError when an operation comes before one it waits for.
    """
    ids = {operation.id for operation in plan.operations}
    step_of: dict[str, int] = {}
    host_of: dict[str, str] = {}
    found: list[dict[str, list[Operation]]] = []
    for operation in plan.operations:
        step = 0
        for dependency in operation.after:
            if dependency not in ids:
                continue
            if dependency not in step_of:
                raise InputError(
                    f"not a plan: '{operation.id}' comes before '{dependency}', which it waits for",
                    hint="run: kolla plan -o FILE",
                )
            step = max(step, step_of[dependency] + (host_of[dependency] != operation.host))
        step_of[operation.id] = step
        host_of[operation.id] = operation.host
        if step == len(found):
            found.append(defaultdict(list))
        found[step][operation.host].append(operation)
    return tuple({host: tuple(operations) for host, operations in step.items()} for step in found)


def contents(operations: Iterable[Operation]) -> frozenset[str]:
    """SHA-256 digests of the files that `operations` write: the part of the bundle their host needs."""
    return frozenset(
        file.sha256
        for operation in operations
        if operation.kind in ("container", "job")
        for file in operation.folder.files
    )


def playbook(hosts_of_steps: Sequence[Collection[str]]) -> str:
    """The text of a playbook: for each step one play of one task, over the step's hosts.

    The task says only which step it is; what to ask of its host comes over the channel. A host that
    fails stays in the playbook, so that its lease can be given back at the end: whether anything is
    still asked of it is decided by the executor, not by Ansible.
    """
    return json.dumps(
        [
            {
                "name": f"step {number}",
                "hosts": sorted(hosts),
                "gather_facts": False,
                "become": True,
                "strategy": "linear",
                "ignore_errors": True,
                "ignore_unreachable": True,
                "tasks": [{"name": "ask the host", "kolla_host": {"step": number}}],
            }
            for number, hosts in enumerate(hosts_of_steps)
        ],
        indent=1,
    )
