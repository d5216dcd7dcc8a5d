"""Images that nobody needs any more leave the hosts, as operations of the next change's plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.order import ordered
from kolla.state.plan import DiscardOperation, Plan
from kolla.state.volumes import HOST_SERVICE

CAUSE = "no revision that is kept needs it"


def with_discards(
    plan: Plan, desired: Desired, states: Mapping[str, HostState], needed: Callable[[], Collection[str]]
) -> Plan:
    """The plan, with images removed at its end that neither `desired`, nor a container that is there now, nor
    one of `needed` is; `needed` is asked for only when there is such an image.

    They go along with a change of everything: a plan that is empty stays so, and one that was narrowed
    (`--tags`) as well.
    """
    if not plan or plan.services is not None:
        return plan
    spare = list(_spare(desired, states))
    kept = needed() if spare else ()
    everything = tuple(operation.id for operation in plan.operations)
    discards = [
        DiscardOperation(
            id=f"discard:{image.removeprefix('sha256:')[:12]}@{host}",
            host=host,
            service=HOST_SERVICE,
            causes=(CAUSE,),
            # Last, so that a change that fails can still be taken back.
            after=everything,
            image=image,
        )
        for host, image in spare
        if image not in kept
    ]
    if not discards:
        return plan
    return plan.model_copy(update={"operations": tuple(ordered([*plan.operations, *discards]))})


def _spare(desired: Desired, states: Mapping[str, HostState]) -> Iterator[tuple[str, str]]:
    """(host, image) of what came to a host and is used by nothing there, now or after the change."""
    wanted = {node.spec.image for node in desired.nodes}
    for host, state in states.items():
        used = {container.spec.get("image") for container in state.containers.values()}
        yield from ((host, image) for image in state.brought if image not in wanted | used)
