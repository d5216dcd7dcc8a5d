"""The order of a plan's operations: every `after` respected, deterministic otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from kolla.errors import InputError
from kolla.state.plan import Action, ContainerOperation, ImageOperation, Operation

KINDS = (
    *("release", "stop", "remove", "host", "image", "volume", "member", "container", "job", "endpoint"),
    *("start", "soak", "discard"),
)


UNSERIAL: frozenset[Action] = frozenset({"create", "wait", "start"})
"""What is done to containers that do not serve anybody yet."""


def ordered(operations: Sequence[Operation]) -> list[Operation]:
    """Sorted so that each comes after those it names; ties by host, kind and id.

    `after` is narrowed to operations of the plan: what is not in it is done. InputError when the
    catalogue's references form a circle.
    """
    present = {operation.id: operation for operation in operations}
    narrowed = {
        id_: operation.model_copy(update={"after": tuple(sorted(a for a in operation.after if a in present))})
        for id_, operation in present.items()
    }
    sorter = TopologicalSorter({id_: operation.after for id_, operation in narrowed.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise InputError(f"these wait for each other: {' -> '.join(error.args[1])}") from None
    result: list[Operation] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda id_: _rank(narrowed[id_]))
        result += [narrowed[id_] for id_ in ready]
        sorter.done(*ready)
    return result


def behind(operation: Operation, others: Iterable[str]) -> Operation:
    """The operation, after others as well."""
    after = tuple(dict.fromkeys((*operation.after, *others)))
    return operation.model_copy(update={"after": after})


def images_first(operations: Sequence[Operation]) -> list[Operation]:
    """Nothing but images is touched before all of them are there: one that is missing stops all."""
    images = tuple(operation.id for operation in operations if isinstance(operation, ImageOperation))
    return ordered([o if isinstance(o, ImageOperation) else behind(o, images) for o in operations])


def _rank(operation: Operation) -> tuple[str, int, str]:
    return operation.host, KINDS.index(operation.kind), operation.id


def serial(operations: Sequence[Operation], turns: Mapping[str, str]) -> list[Operation]:
    """One at a time: of containers of one turn (id -> turn) each that is taken down waits for the one before.

    Those that do not run may need each other to be ready again.
    """
    result: list[Operation] = []
    last: dict[str, str] = {}
    for operation in operations:
        if isinstance(operation, ContainerOperation) and operation.action not in UNSERIAL:
            turn = turns[operation.id]
            if turn in last:
                operation = operation.model_copy(update={"after": (*operation.after, last[turn])})
            last[turn] = operation.id
        result.append(operation)
    return result
