"""A plan as text: the dry run, the review, the log, and what unit tests assert."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from kolla.state.desired import grouped
from kolla.state.impact import Summary, summarise
from kolla.state.plan import (
    ContainerOperation,
    JobOperation,
    MemberOperation,
    Operation,
    Plan,
    RemoveOperation,
    StartOperation,
    VolumeOperation,
)

WIDTH = 100
"""Columns that people are taken to have."""

_PURPOSES = {"deploy": "Plan", "upgrade": "Upgrade plan", "finish": "Plan of the end of an upgrade"}
_MARKS = {
    "create": "+",
    "recreate": "±",
    "restart": "~",
    "reload": "~",
    "start": ">",
    "wait": "?",
    "adopt": "±",
}


def text(plan: Plan) -> str:
    """Every operation with its causes and its impact, by host, in the order of execution; then what it
    comes to."""
    if not plan:
        return f"Nothing to do: cloud '{plan.cloud_name}' is as its settings say."
    hosts = grouped(plan.operations, lambda operation: operation.host)
    size = _size(len(plan.operations), len(hosts))
    lines = [f"{_PURPOSES[plan.purpose]} for cloud '{plan.cloud_name}': {size}"]
    lines += _hooks(plan, "pre", "before")
    lines += _canary(plan)
    lines += _bears(plan)
    lines += _restores(plan)
    for host, operations in hosts.items():
        lines += ["", host, *(line for operation in operations for line in _operation(operation))]
    lines += [*_hooks(plan, "post", "afterwards"), *_hooks(plan, "failed", "if it fails")]
    return "\n".join([*lines, "", *_summary(summarise(plan))])


def _hooks(plan: Plan, moment: str, when: str) -> list[str]:
    """The operator's own programs, under a heading; nothing when there are none."""
    found = [hook for hook in plan.hooks if hook.moment == moment]
    lines = [
        f"  > run hooks/{hook.path:<34} {'playbook' if hook.playbook else 'program on this machine'}"
        for hook in found
    ]
    return ["", when, *lines] if found else []


def _canary(plan: Plan) -> list[str]:
    """What goes first, wave by wave, and what changes without that."""
    if plan.canary is None:
        return []
    lines = ["", f"canary on {', '.join(plan.canary.hosts)}"]
    if not plan.canary.waves:
        lines.append("  nothing waits for it")
    for number, wave in enumerate(plan.canary.waves, 1):
        lines += _wrapped(
            f"{number}. {subjects(wave.first) or 'what is so already'} before {subjects(wave.waiting)}",
            "  ",
        )
    return [*lines, *(part for warning in plan.canary.warnings for part in _wrapped(warning, "  "))]


def _bears(plan: Plan) -> list[str]:
    """What goes on although it failed elsewhere, and how far."""
    if not plan.max_fail:
        return []
    names = {subjects([o.id]).partition(" on ")[0]: None for o in plan.operations if o.bears}
    what = f"goes on by itself: {', '.join(names)}" if names else "nothing goes on by itself"
    return ["", *_wrapped(f"may fail on {count(plan.max_fail, 'host')}; {what}", "")]


def _restores(plan: Plan) -> list[str]:
    """The backups that going back brings back: which, why, and what that loses."""
    lines = []
    for each in plan.restores:
        lines += ["", f"! restores the backup {each.backup}, which revision {each.revision} made"]
        for service, why in each.reasons.items():
            lines += _wrapped(f"{service} cannot go back without it: {why}", "      ")
        lines += _wrapped(f"back to what was in it goes the data of {', '.join(each.services)}", "      ")
        lines += _wrapped(f"this {each.loses}", "      ")
    return lines


def subjects(ids: Iterable[str]) -> str:
    """`keystone, notes on one`, of operations on containers."""
    found: dict[str, list[str]] = {}
    for id_ in ids:
        name, _, host = id_.partition(":")[2].rpartition("@")
        found.setdefault(host, []).append(name)
    places: dict[str, list[str]] = {}
    for host, names in found.items():
        places.setdefault(", ".join(names), []).append(host)
    return "; ".join(f"{names} on {', '.join(hosts)}" for names, hosts in places.items())


def title(operation: Operation) -> str:
    """What an operation does, in a few words: `restart container keystone`."""
    subject = operation.id.partition(":")[2].rpartition("@")[0]
    if isinstance(operation, ContainerOperation):
        action = "wait for" if operation.action == "wait" else operation.action
        return f"{action} container {subject}"
    if isinstance(operation, MemberOperation):
        return f"{operation.action} {subject}"
    if isinstance(operation, StartOperation) and operation.again:
        return f"restart container {subject}"
    if isinstance(operation, VolumeOperation) and operation.source:
        return f"copy volume {operation.source} to {subject}"
    if isinstance(operation, VolumeOperation) and operation.adopt:
        return f"adopt volume {subject}"
    verbs = {
        "host": "prepare host for",
        "image": "get image",
        "discard": "remove image",
        "volume": "create volume",
        "remove": "remove container",
        "stop": "stop container",
        "start": "start container",
        "job": "run job",
        "endpoint": "wait for endpoint",
        "release": "record",
        "soak": "watch",
    }
    return f"{verbs[operation.kind]} {subject}"


def _operation(operation: Operation) -> list[str]:
    marks = {"remove": "-", "stop": "-", "host": "~", "endpoint": "?", "soak": "?", "job": ">", "start": ">"}
    mark = {**marks, "release": "!", "discard": "-"}.get(operation.kind, "+")
    if isinstance(operation, ContainerOperation):
        mark = _MARKS[operation.action]
    if isinstance(operation, MemberOperation):
        mark = "<" if operation.action == "drain" else ">"
    details = [*_causes(operation), *(f"impact: {one}" for one in _impact(operation))]
    line = f"  {mark} {title(operation)}"
    short = f"{line:<48} {details[0]}"
    if len(details) == 1 and len(short) <= WIDTH:
        return [short]
    return [line, *(part for detail in details for part in _wrapped(detail, "      "))]


def _causes(operation: Operation) -> list[str]:
    first, *others = operation.causes
    if isinstance(operation, JobOperation) and operation.does:
        first = f"{first} ({operation.does})"
    return [first, *others]


def _impact(operation: Operation) -> Iterator[str]:
    impact = operation.impact
    if impact.interrupted and isinstance(operation, RemoveOperation):
        yield f"{_names('endpoint', impact.interrupted)} gone: no other host serves it"
    elif impact.interrupted:
        yield f"{_names('endpoint', impact.interrupted)} interrupted: no other host serves meanwhile"
    if impact.served_by_others:
        yield f"{_names('endpoint', impact.served_by_others)} served by other hosts meanwhile"
    if impact.meanwhile:
        yield impact.meanwhile
    if impact.servers:
        yield impact.servers
    if isinstance(operation, RemoveOperation) and operation.keeps:
        yield f"{_names('volume', operation.keeps)} kept"


def _names(noun: str, names: tuple[str, ...]) -> str:
    one = len(names) == 1
    return f"{noun if one else f'{noun}s'} {', '.join(names)} {'is' if one else 'are'}"


def _summary(summary: Summary) -> list[str]:
    facts = [f"{_size(summary.operations, len(summary.hosts))}."]
    facts.append(f"Endpoints interrupted: {listed(summary.interrupted)}.")
    if summary.behind:
        facts.append(f"Their users, whose requests may fail meanwhile: {', '.join(summary.behind)}.")
    if summary.served_by_others:
        facts.append(f"Served by other hosts meanwhile: {', '.join(summary.served_by_others)}.")
    for what, hosts in summary.servers.items():
        facts.append(f"Running servers on {', '.join(hosts)}: {what}.")
    if not summary.servers:
        facts.append("Running servers and their networks: not touched.")
    if summary.kept:
        facts.append(
            f"Volumes that stay, used by nothing: {', '.join(summary.kept)}. "
            "To be rid of one and its data, on its host: docker volume rm NAME"
        )
    return [part for fact in facts for part in _wrapped(fact, "")]


def _wrapped(line: str, indent: str) -> list[str]:
    """Lines of at most `WIDTH` columns; words that are longer stay whole, to be found and copied."""
    return textwrap.wrap(
        line,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _size(operations: int, hosts: int) -> str:
    return f"{count(operations, 'operation')} on {count(hosts, 'host')}"


def count(number: int, word: str) -> str:
    """`1 operation`, `2 operations`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def listed(items: Iterable[str]) -> str:
    """`a, b`, or `none`."""
    return ", ".join(items) or "none"
