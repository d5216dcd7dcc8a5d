"""A plan as text: the dry run, the review, the log, and what unit tests assert."""

from __future__ import annotations

from kolla.state.plan import ContainerOperation, Operation, Plan, StartOperation

_PURPOSES = {"deploy": "Plan", "upgrade": "Upgrade plan", "finish": "Plan of the end of an upgrade"}
_MARKS = {"create": "+", "recreate": "±", "restart": "~", "start": ">", "wait": "?"}


def text(plan: Plan) -> str:
    """One line per operation with its causes, grouped by host, in the order of execution."""
    if not plan:
        return f"Nothing to do: cloud '{plan.cloud_name}' is as its settings say."
    hosts = list(dict.fromkeys(operation.host for operation in plan.operations))
    lines = [
        f"{_PURPOSES[plan.purpose]} for cloud '{plan.cloud_name}': "
        f"{count(len(plan.operations), 'operation')} on {count(len(hosts), 'host')}"
    ]
    lines += _hooks(plan, "pre", "before")
    for host in hosts:
        lines += ["", host]
        for operation in plan.operations:
            if operation.host == host:
                lines += _operation(operation)
    return "\n".join([*lines, *_hooks(plan, "post", "afterwards")])


def _hooks(plan: Plan, moment: str, when: str) -> list[str]:
    """The operator's own programs, under a heading; nothing when there are none."""
    found = [hook for hook in plan.hooks if hook.moment == moment]
    lines = [
        f"  > run hooks/{hook.path:<34} {'playbook' if hook.playbook else 'program on this machine'}"
        for hook in found
    ]
    return ["", when, *lines] if found else []


def title(operation: Operation) -> str:
    """What an operation does, in a few words: `restart container keystone`."""
    subject = operation.id.partition(":")[2].rpartition("@")[0]
    if isinstance(operation, ContainerOperation):
        action = "wait for" if operation.action == "wait" else operation.action
        return f"{action} container {subject}"
    if isinstance(operation, StartOperation) and operation.again:
        return f"restart container {subject}"
    verbs = {
        "host": "prepare host for",
        "image": "get image",
        "volume": "create volume",
        "remove": "remove container",
        "stop": "stop container",
        "start": "start container",
        "job": "run job",
        "endpoint": "wait for endpoint",
        "release": "record",
    }
    return f"{verbs[operation.kind]} {subject}"


def _operation(operation: Operation) -> list[str]:
    marks = {"remove": "-", "stop": "-", "host": "~", "endpoint": "?", "job": ">", "start": ">"}
    mark = {**marks, "release": "!"}.get(operation.kind, "+")
    if isinstance(operation, ContainerOperation):
        mark = _MARKS[operation.action]
    first, *others = operation.causes
    lines = [f"  {mark} {title(operation):<44} {first}"]
    lines += [f"    {'':<44} {cause}" for cause in others]
    if operation.interrupts:
        lines.append(f"    {'':<44} interrupts {', '.join(operation.interrupts)}")
    return lines


def count(number: int, word: str) -> str:
    """`1 operation`, `2 operations`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
