"""Verbs that put other content into volumes: who is stopped meanwhile, and what has to be done again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kolla.catalogue.model import Service, Verb
from kolla.errors import InputError
from kolla.state.consumer import consumers
from kolla.state.demand import demands
from kolla.state.desired import Desired, DesiredContainer, DesiredJob
from kolla.state.host_state import HostState
from kolla.state.impact import taken_down
from kolla.state.order import ordered
from kolla.state.plan import ContainerOperation, Impact, JobOperation, Operation, Plan, StopOperation
from kolla.state.reconcile import fingerprint, reconcile
from kolla.state.volumes import new_epoch


@dataclass(frozen=True)
class Asked:
    """A verb with `replaces` that somebody asks for."""

    name: str
    verb: Verb
    service: Service
    """Whose verb it is."""
    services: Sequence[Service]
    """Those of the cloud."""

    @property
    def affected(self) -> set[str]:
        """The services of which something is stopped."""
        volumes = frozenset(self.verb.replaces)
        others = () if self.verb.one_host else consumers(self.service, self.services, volumes)
        return {self.service.name, *others}

    def places(self, desired: Desired) -> frozenset[str]:
        """The volumes it is about, as the engine names them."""
        return frozenset(desired.volume_names.get(volume, volume) for volume in self.verb.replaces)


def replaced(
    desired: Desired,
    jobs: Iterable[DesiredJob],
    states: Mapping[str, HostState],
    asked: Asked,
    checks: Iterable[DesiredJob] = (),
) -> Plan:
    """The plan of a verb with `replaces`: run its `checks`, stop, run its `jobs`, start again, repeat what
    was done for the earlier content.

    What follows the jobs is the plan from the state they leave behind, for the stopped services. A verb about
    one host leaves all others, and other services, as they are. InputError when some of the hosts concerned
    have no state (`--limit`): what runs there would go on writing.
    """
    jobs = list(jobs)
    if asked.verb.one_host:
        states = {job.host: states[job.host] for job in jobs if job.host in states}
    first, stops = _beginning(desired, checks, states, asked)
    checked = tuple(operation.id for operation in first)
    precondition = fingerprint(states)
    work: list[Operation] = []
    for operation in demands(desired, jobs, states, ("asked for",)):
        if operation.id in checked:
            continue
        if isinstance(operation, JobOperation):
            # What is chosen of what there is stays what it was.
            own = set() if asked.verb.chooses else asked.places(desired) & _volumes_of(operation)
            epochs = {v: new_epoch(desired.cloud_id, operation.host, v, precondition) for v in own}
            after = (*operation.after, *checked, *(stop.id for stop in stops))
            operation = operation.model_copy(update={"renews": epochs, "after": after})
        work.append(operation)
    later = reconcile(desired, left_behind(states, stops, work), services=asked.affected)
    done = (*checked, *(operation.id for operation in work))
    afterwards = [again(o, done) for o in later.operations if o.id not in done]
    return later.model_copy(
        update={
            "precondition": precondition,
            "operations": tuple(ordered([*first, *stops, *work, *afterwards])),
        }
    )


def weighed(
    desired: Desired,
    probes: Iterable[DesiredJob],
    states: Mapping[str, HostState],
    asked: Asked,
    checks: Iterable[DesiredJob] = (),
) -> Plan:
    """The plan by which a verb that `chooses` hears what there is: run its `checks`, stop, ask with `probes`.

    InputError as for `replaced`, which comes after it.
    """
    first, stops = _beginning(desired, checks, states, asked)
    before = tuple(operation.id for operation in (*first, *stops))
    asking = [
        operation.model_copy(update={"after": (*operation.after, *before)})
        for operation in demands(desired, probes, states, (f"kolla {asked.name} chooses a host",))
        if operation.id not in before
    ]
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition=fingerprint(states),
        operations=tuple(ordered([*first, *stops, *asking])),
    )


def _beginning(
    desired: Desired,
    checks: Iterable[DesiredJob],
    states: Mapping[str, HostState],
    asked: Asked,
) -> tuple[list[Operation], list[StopOperation]]:
    """What comes before anything else: the checks, and the end of who uses the data, then of who has it."""
    holders, users = _concerned(desired, asked.affected, asked.places(desired))
    if asked.verb.one_host:
        holders, users = [holder for holder in holders if holder.host in states], []
    _check_complete([*holders, *users], states, asked.name)
    first = demands(desired, checks, states, (f"before kolla {asked.name}",))
    checked = tuple(operation.id for operation in first)
    stops = [
        _stop(c, f"kolla {asked.name} replaces the data it uses", checked) for c in users if _runs(c, states)
    ]
    waiting = (*checked, *(operation.id for operation in stops))
    stops += [_stop(c, f"kolla {asked.name} replaces its data", waiting) for c in holders if _runs(c, states)]
    return first, stops


def _volumes_of(operation: JobOperation) -> set[str]:
    return {mount.source for mount in operation.spec.mounts if mount.type == "volume"}


def _concerned(
    desired: Desired, affected: set[str], volumes: frozenset[str]
) -> tuple[list[DesiredContainer], list[DesiredContainer]]:
    """Containers that have one of the volumes, and the others of the services affected."""
    ours = [container for container in desired.containers if container.service in affected]
    holders = [c for c in ours if any(m.source in volumes for m in c.spec.mounts)]
    return holders, [container for container in ours if container not in holders]


def _check_complete(
    containers: Iterable[DesiredContainer], states: Mapping[str, HostState], name: str
) -> None:
    left_out = sorted({container.host for container in containers} - states.keys())
    if left_out:
        raise InputError(
            f"'{name}' stops what uses the data, and --limit leaves out {', '.join(left_out)}",
            hint=f"run kolla {name} without --limit",
        )


def _runs(container: DesiredContainer, states: Mapping[str, HostState]) -> bool:
    observed = states[container.host].containers.get(container.spec.name)
    return observed is not None and not observed.ended


def _stop(container: DesiredContainer, cause: str, after: tuple[str, ...] = ()) -> StopOperation:
    return StopOperation(
        id=f"stop:{container.name}@{container.host}",
        host=container.host,
        service=container.service,
        causes=(cause,),
        impact=taken_down(container, alone=not container.redundant),
        after=after,
        timeout=container.spec.stop_timeout + 60,
        container=container.spec.name,
    )


def again(operation: Operation, done: tuple[str, ...]) -> Operation:
    """An operation of the plan from the state left behind, after what leaves it so."""
    changes: dict[str, object] = {"after": (*operation.after, *done)}
    if isinstance(operation, ContainerOperation) and operation.action == "start":
        changes |= {"causes": ("it was stopped meanwhile",), "impact": Impact()}
    return operation.model_copy(update=changes)


def left_behind(
    states: Mapping[str, HostState], stops: Iterable[StopOperation], work: Iterable[Operation]
) -> dict[str, HostState]:
    """The hosts as the jobs leave them."""
    left = dict(states)
    for stop in stops:
        state = left[stop.host]
        stopped = state.containers[stop.container].model_copy(update={"state": "exited"})
        containers = {**state.containers, stop.container: stopped}
        left[stop.host] = state.model_copy(update={"containers": containers})
    for operation in work:
        if isinstance(operation, JobOperation):
            state = left[operation.host]
            volumes = {**state.volumes, **operation.renews}
            left[operation.host] = state.model_copy(update={"volumes": volumes})
    return left
