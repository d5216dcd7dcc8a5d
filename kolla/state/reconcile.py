"""Desired state against host state: which operations lead from one to the other, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping

from kolla.build_report import BuiltImage
from kolla.state import adoption, first, orphans, succession
from kolla.state.changes import ReleaseChange
from kolla.state.compare import compare
from kolla.state.desired import (
    Desired,
    DesiredContainer,
    DesiredEndpoint,
    DesiredJob,
    Node,
    host_id,
    image_id,
    release_id,
    volume_id,
)
from kolla.state.host_state import HostState, JobRecord
from kolla.state.impact import TAKES_DOWN, beside, is_alone, kept_volumes, removed, taken_down
from kolla.state.order import ordered, serial
from kolla.state.plan import (
    Action,
    ContainerOperation,
    EndpointOperation,
    HostOperation,
    ImageOperation,
    Impact,
    JobOperation,
    Operation,
    Plan,
    ReleaseOperation,
    RemoveOperation,
    VolumeOperation,
)
from kolla.state.resources import Resources, differences
from kolla.state.rolling import left_out
from kolla.state.volumes import HOST_SERVICE, missing, new_epoch

UNKNOWN_EPOCH = "unknown"


def reconcile(
    desired: Desired,
    states: Mapping[str, HostState],
    *,
    services: Collection[str] | None = None,
) -> Plan:
    """The plan from `states` to `desired`.

    Hosts without a state are left alone (`--limit`); `services` narrows it to those (`--tags`).
    InputError where data would be left behind, or a container cannot go on with the work of another.
    """
    orphans.check(desired, states, services)
    succession.check(desired, states, services)
    desired = first.chosen(desired, states)
    precondition = fingerprint(states)
    builder = _Builder(desired, states, precondition)
    operations = [
        *builder.records(),
        *builder.resources(),
        *builder.containers(),
        *builder.removals(),
        *builder.jobs(),
        *left_out(desired, states),
    ]
    if services is not None:
        operations = [o for o in operations if o.service in services]
    operations = builder.with_prerequisites(serial(operations, desired.turns))
    return Plan(
        cloud_name=desired.cloud_name,
        cloud_id=desired.cloud_id,
        precondition=precondition,
        services=tuple(sorted(services)) if services is not None else None,
        operations=tuple(ordered(operations)),
    )


def fingerprint(states: Mapping[str, HostState]) -> str:
    """Hash of everything about the hosts that a plan depends on; health comes and goes, so not that."""
    document = {
        host: {
            "containers": {
                name: container.model_dump(mode="json", exclude={"health", "ready"})
                for name, container in state.containers.items()
            },
            "volumes": state.volumes,
            "copies": state.copies,
            "predecessors": state.predecessors,
            "unclaimed": state.unclaimed,
            "blank": state.blank,
            "images": sorted(state.images),
            "brought": sorted(state.brought),
            "folders": {
                path: {name: [file.sha256, file.mode] for name, file in files.items()}
                for path, files in state.folders.items()
            },
            "jobs": {name: record.model_dump() for name, record in state.jobs.items()},
            "resources": state.resources.model_dump(),
            "drained": state.drained,
            "upgrade": state.upgrade.model_dump() if state.upgrade else None,
            "given": {service: given.model_dump() for service, given in state.given.items()},
        }
        for host, state in states.items()
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


class _Builder:
    def __init__(self, desired: Desired, states: Mapping[str, HostState], precondition: str) -> None:
        self.desired = desired
        self.states = states
        self.precondition = precondition

    def records(self) -> Iterator[Operation]:
        """Where the upgrade on record is not the one there is."""
        change = self.desired.upgrade
        for host, state in self.states.items():
            if state.upgrade != change:
                cause = f"the upgrade {change} is on its way" if change else f"{state.upgrade} is finished"
                yield release_operation(host, change, cause)

    # -- hosts -------------------------------------------------------------------------------

    def resources(self) -> Iterator[Operation]:
        """Where a host is not as a service needs it, or was given what nobody needs any more."""
        for host, state in self.states.items():
            needed = self.desired.needs_of.get(host, {})
            for service in sorted(needed.keys() | state.given.keys()):
                wanted = needed.get(service, Resources())
                causes = differences(wanted, state.resources, state.given.get(service))
                if causes:
                    yield HostOperation(
                        id=host_id(service, host),
                        host=host,
                        service=service,
                        causes=tuple(causes),
                        after=self._users(service, host) if not wanted else (),
                        resources=wanted,
                    )

    def _users(self, service: str, host: str) -> tuple[str, ...]:
        """The removals of a service's containers: what they need is taken away after them."""
        containers = self.states[host].containers.items()
        return tuple(f"remove:{name}@{host}" for name, observed in containers if observed.service == service)

    # -- containers --------------------------------------------------------------------------

    def containers(self) -> Iterator[Operation]:
        """Operations on containers that should be there."""
        for wanted in self.desired.containers:
            state = self.states.get(wanted.host)
            if state is None:
                continue
            replaces = adoption.replaced(self.desired, wanted, state)
            action, causes = compare(wanted, state, self.desired.secrets)
            if replaces:
                action, causes = "adopt", adoption.causes(replaces, state)
            if former := adoption.renamed(self.desired, wanted, state):
                action, replaces = "adopt", (*replaces, *former)
                causes = [f"takes the place of container {name}, as it was called" for name in former]
            if action is None:
                continue
            impact = self._impact(wanted, action)
            yield ContainerOperation(
                id=wanted.id,
                host=wanted.host,
                service=wanted.service,
                causes=tuple(causes),
                impact=impact,
                after=(*self._after(wanted), *(self._going(wanted) if action == "create" else ())),
                timeout=wanted.start_timeout + wanted.spec.stop_timeout + 60,
                action=action,
                spec=wanted.spec,
                folder=wanted.config.folder,
                generation=_generation(wanted, action, state),
                start_timeout=wanted.start_timeout,
                replaces=replaces,
                reload=wanted.reload if action == "reload" else (),
                update_order=wanted.update_order,
                beside=beside(impact),
            )

    def _impact(self, wanted: DesiredContainer, action: Action) -> Impact:
        if action not in TAKES_DOWN:
            return Impact()
        alone = is_alone(wanted.host, wanted.spec.name, self.desired, self.states)
        return taken_down(wanted, alone=alone)

    def removals(self) -> Iterator[Operation]:
        """Containers of this cloud that nothing wants any more."""
        for host, state in self.states.items():
            wanted = self.desired.containers_on(host)
            stay = {container.spec.name for container in wanted}
            stay |= {name for c in wanted for name in adoption.renamed(self.desired, c, state)}
            for name, observed in state.containers.items():
                if name not in stay:
                    yield RemoveOperation(
                        id=f"remove:{name}@{host}",
                        host=host,
                        service=observed.service,
                        causes=("it is no longer wanted",),
                        impact=removed(host, observed, self.desired, self.states),
                        container=name,
                        folder=observed.folder,
                        keeps=kept_volumes(observed, state, wanted),
                    )

    def _going(self, wanted: DesiredContainer) -> tuple[str, ...]:
        """The removals of its service on its host: no two servers on one port or volume."""
        stay = {container.spec.name for container in self.desired.containers_on(wanted.host)}
        containers = self.states[wanted.host].containers.items()
        return tuple(
            f"remove:{name}@{wanted.host}"
            for name, observed in containers
            if observed.service == wanted.service and name not in stay
        )

    # -- jobs --------------------------------------------------------------------------------

    def jobs(self) -> Iterator[Operation]:
        """Jobs that have not been done, or not for this image, input or data."""
        for job in self.desired.jobs:
            state = self.states.get(job.host)
            if state is None:
                continue
            record = state.jobs.get(job.name)
            epochs = self._epochs(job, record)
            causes = self._job_causes(job, record, epochs)
            if causes:
                yield job_operation(job, epochs, causes=tuple(causes)).model_copy(
                    update={"after": self._after(job)}
                )

    def _job_causes(self, job: DesiredJob, record: JobRecord | None, epochs: Mapping[str, str]) -> list[str]:
        if record is None:
            return ["it has not been done"]
        parts = ("its command", "its image", "its own configuration")
        done, now = record.key.split("."), job.key.split(".")
        causes = [f"{part} changed" for part, a, b in zip(parts, done, now, strict=False) if a != b]
        as_it_was = {
            name.split("/")[1]
            for name, epoch in epochs.items()
            if epoch in (record.epochs.get(name), record.epochs.get(self._former(name)))
        }
        return causes + [
            f"volume {name.split('/')[1]} on {name.split('/')[0]} is not the one it was done for"
            for name in epochs
            if name.split("/")[1] not in as_it_was
        ]

    def _former(self, name: str) -> str:
        """What `host/volume` was called before the catalogue renamed it; itself if it did not."""
        host, volume = name.split("/")
        return f"{host}/{self.desired.former_volumes.get(volume, volume)}"

    def _epochs(self, job: DesiredJob, record: JobRecord | None) -> dict[str, str]:
        """Volume -> epoch. Of a host that was not asked, the one on record stands for the present one; a
        job done now on such ground is repeated when its host is asked again."""
        epochs = {}
        for host, volume in job.volumes:
            name = f"{host}/{volume}"
            known = record.epochs.get(name) if record is not None else None
            epochs[name] = self._epoch(host, volume) if host in self.states else known or UNKNOWN_EPOCH
        return epochs

    def _epoch(self, host: str, volume: str) -> str:
        """The volume's epoch, or the one it will get."""
        volumes = self.states[host].volumes
        known = volumes.get(volume) or volumes.get(self.desired.former_volumes.get(volume, ""))
        return known or new_epoch(self.desired.cloud_id, host, volume, self.precondition)

    # -- what others need --------------------------------------------------------------------

    def _after(self, node: Node) -> tuple[str, ...]:
        volumes = {volume_id(m.source, node.host) for m in node.spec.mounts if m.type == "volume"}
        own = (host_id(node.service, node.host), image_id(node.image.name, node.host))
        return tuple(sorted({*node.after, *volumes, *own}))

    def with_prerequisites(self, operations: list[Operation]) -> list[Operation]:
        """Add the volumes, images and endpoint waits that `operations` refer to and that are due."""
        extra: dict[str, Operation] = {}
        nodes: dict[str, Node] = {c.id: c for c in self.desired.containers}
        nodes |= {j.id: j for j in self.desired.jobs}
        for operation in operations:
            node = nodes.get(operation.id)
            if node is None:
                continue
            for made in (*self._volumes(node), *self._images(node), *self._endpoints(operation.after)):
                extra.setdefault(made.id, made)
        return [*operations, *self._in_turn(extra.values())]

    def _in_turn(self, operations: Iterable[Operation]) -> Iterator[Operation]:
        """One host at a time: what is stopped for a copy on one waits for what has it on the one before."""
        last: dict[str, tuple[str, ...]] = {}
        for operation in operations:
            if isinstance(operation, VolumeOperation) and operation.source:
                here = self.desired.containers_on(operation.host)
                before = last.get(operation.volume, ())
                last[operation.volume] = tuple(c.id for c in here if operation.volume in c.mounted)
                operation = operation.model_copy(update={"after": (*operation.after, *before)})
            yield operation

    def _volumes(self, node: Node) -> Iterator[Operation]:
        yield from missing(node, self.states[node.host], self.desired, self.precondition)

    def _images(self, node: Node) -> Iterator[Operation]:
        if node.spec.image not in self.states[node.host].images:
            yield image_operation(node.image, node.host)

    def _endpoints(self, references: Collection[str]) -> Iterator[Operation]:
        for reference in references:
            endpoint = self.desired.endpoints.get(reference)
            if endpoint is not None and endpoint.host in self.states:
                yield _endpoint_operation(endpoint)


def _generation(wanted: DesiredContainer, action: Action, state: HostState) -> int:
    """Of the container an operation leads to: it counts all that were in its place."""
    if (observed := state.containers.get(wanted.spec.name)) is not None:
        return observed.generation + (action == "recreate")
    return max(
        (state.containers[n].generation + 1 for n in wanted.formerly if n in state.containers), default=1
    )


def image_operation(image: BuiltImage, host: str) -> Operation:
    """Getting an image on a host."""
    assert image.id is not None and image.reference is not None
    return ImageOperation(
        id=image_id(image.name, host),
        host=host,
        service=HOST_SERVICE,
        causes=("the host does not have it",),
        timeout=1800,
        image=image.id,
        reference=image.reference,
        digest=image.digest,
    )


def release_operation(host: str, change: ReleaseChange | None, cause: str) -> ReleaseOperation:
    """Having an upgrade on record on a host, or none."""
    return ReleaseOperation(
        id=release_id(host), host=host, service=HOST_SERVICE, causes=(cause,), change=change
    )


def job_operation(
    job: DesiredJob, epochs: Mapping[str, str], *, causes: tuple[str, ...], record: bool = True
) -> JobOperation:
    """Running a job on its host."""
    return JobOperation(
        id=job.id,
        host=job.host,
        service=job.service,
        causes=causes,
        after=job.after,
        timeout=job.timeout,
        success=job.success,
        job=job.name,
        key=job.key,
        epochs=dict(epochs),
        spec=job.spec,
        folder=job.config.folder,
        record=record,
        does=job.description,
    )


def _endpoint_operation(endpoint: DesiredEndpoint) -> EndpointOperation:
    answer = endpoint.model.answer
    return EndpointOperation(
        id=endpoint.id,
        host=endpoint.host,
        service=endpoint.view.service,
        causes=("what follows needs its answer",),
        after=endpoint.after,
        address=endpoint.view.host,
        port=endpoint.view.port,
        http=answer.http,
        send=answer.send,
        greets=answer.greets,
    )
