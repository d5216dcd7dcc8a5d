"""The plan: a graph of typed operations, serialisable, each with its cause."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from kolla.catalogue.model import Model, UpdateOrder
from kolla.errors import InputError, Location
from kolla.state.changes import ReleaseChange
from kolla.state.hook import Hook
from kolla.state.resources import Resources
from kolla.state.spec import ContainerSpec


class FileEntry(Model):
    """A file of a configuration folder on the host. Its content travels apart, by digest."""

    name: str
    sha256: str


class Folder(Model):
    """The configuration folder of one container or job, mounted read-only into it.

    On the host everything in it belongs to root and is 0600: the start script sets owner and mode
    of the copies inside the container.
    """

    path: str
    files: tuple[FileEntry, ...]
    """Sorted by name. Files on the host that are not listed are removed."""

    @property
    def digest(self) -> str:
        """SHA-256 over names and digests of the files; what a container is recorded to have taken."""
        document = json.dumps([[f.name, f.sha256] for f in self.files], separators=(",", ":"))
        return hashlib.sha256(document.encode()).hexdigest()


class Impact(Model):
    """What users notice of an operation while it runs; empty when nothing."""

    interrupted: tuple[str, ...] = ()
    """Endpoints that nobody serves meanwhile."""
    served_by_others: tuple[str, ...] = ()
    """Endpoints that other hosts go on serving."""
    behind: tuple[str, ...] = ()
    """Services that use what is interrupted, and whose requests may fail meanwhile."""
    servers: str = ""
    """What running servers and their networks notice."""
    meanwhile: str = ""
    """What else has to wait."""

    def __bool__(self) -> bool:
        return any(self.model_dump().values())


class _Operation(Model):
    id: str
    """`kind:subject@host`, unique in the plan."""
    host: str
    service: str
    causes: tuple[str, ...]
    """Why, one sentence each, secrets masked."""
    impact: Impact = Impact()
    after: tuple[str, ...] = ()
    """Ids of the operations that must be done first. One that is not in the plan is done."""
    bears: tuple[str, ...] = ()
    """Those of them, on other hosts, that it only takes its turn after: they may have failed."""
    timeout: int = 300
    """Seconds."""
    beside: Literal["anything", "harmless", "nothing"] = "anything"
    """What may be done on its host at the same time. What interrupts an endpoint bears what is harmless, so
    that the gap is the time of one start, not of many at once; what costs servers packets bears nothing."""


class HostOperation(_Operation):
    """Have what a service needs of a host itself, and no longer what it was given and needs no more.

    Post-condition: observed again, every resource is there as it is named, and on record.
    """

    kind: Literal["host"] = "host"
    resources: Resources


class ImageOperation(_Operation):
    """Have an image on the host. Guard and post-condition: the engine knows `image`."""

    kind: Literal["image"] = "image"
    image: str
    """Image ID."""
    reference: str
    """What to tag it, and what to pull when there is no digest."""
    digest: str | None = None
    """`registry/name@sha256:...` to pull."""


class DiscardOperation(_Operation):
    """Remove an image that came to the host through this cloud and that nothing of it needs any more.

    Guard: nothing else on the host needs it either, no container and no other cloud; it is theirs then.
    Post-condition: this cloud no longer has it on record.
    """

    kind: Literal["discard"] = "discard"
    image: str
    """Image ID."""


class VolumeOperation(_Operation):
    """Make a named volume and give it its epoch. Post-condition: it exists and has an epoch.

    With a `source`, `stops` are stopped, what is in that volume is copied and compared, and the epoch is
    given last; on failure they are started again. The source stays.
    """

    kind: Literal["volume"] = "volume"
    volume: str
    epoch: str
    adopt: bool = False
    """Take over the volume there is, with its data, instead of making one."""
    owner: int = 0
    """Of a volume taken over: who gets what belongs to root in it (user and group number); 0: nobody."""
    source: str = ""
    """The volume that it was before the catalogue renamed it; empty: none."""
    stops: tuple[str, ...] = ()
    """Containers that use `source`, and stay stopped until others take their place."""


Action = Literal["create", "recreate", "restart", "reload", "start", "wait", "adopt"]


class ContainerOperation(_Operation):
    """Write a container's configuration and take it into use, as one thing.

    create: there is none. recreate: swap for a new one (create, stop old, rename, start, health
    gate; else the old one is started again). restart / start: the container itself is right. wait: it runs
    as it should, the engine started it (as after a start of the host), and nobody has seen it ready yet.
    reload: it goes on running, its files change where it sees them, then `reload` is run in it.
    adopt: as create, in the place of the containers that `replaces` names (else those are started again).
    Post-condition: it runs with `spec`, took `folder`, and its health check passed.
    """

    kind: Literal["container"] = "container"
    action: Action
    spec: ContainerSpec
    folder: Folder
    generation: int
    start_timeout: int
    """Seconds the health check may take to pass."""
    replaces: tuple[str, ...] = ()
    """Containers that make way for it, and are removed when it is ready: Kolla-Ansible's, or ours of another
    name."""
    reload: tuple[tuple[str, ...], ...] = ()
    """Commands run inside it, one after the other, that take the changed files into use."""
    update_order: UpdateOrder = "stop-first"
    """recreate: when the old one is stopped."""


class RemoveOperation(_Operation):
    """Stop and remove a container that is no longer wanted, and its folder. Never its volumes."""

    kind: Literal["remove"] = "remove"
    container: str
    folder: str
    keeps: tuple[str, ...] = ()
    """Volumes that stay and that no container of the host uses any more."""


class StopOperation(_Operation):
    """Stop a container and leave it be. Post-condition: it does not run. A later deploy starts it again."""

    kind: Literal["stop"] = "stop"
    container: str


class MemberOperation(_Operation):
    """Have a host out of the proxy of another (or the same), or in it again. Where no proxy runs, it is done.

    drain: nothing new is passed on to it, and what was has ended, or the program gave up waiting for that.
    admit: it is seen to serve, and gets its share. Post-condition: the program in `container` ended with 0.
    """

    kind: Literal["member"] = "member"
    action: Literal["drain", "admit"]
    container: str
    """The proxy."""
    command: tuple[str, ...]


class JobOperation(_Operation):
    """Run something to its end in a container of its own, then record it (atomically)."""

    kind: Literal["job"] = "job"
    job: str
    """`service/name`."""
    key: str
    """Hash of command, image and the job's own configuration."""
    epochs: dict[str, str]
    """Provider's volume (`host/volume`) -> epoch this run is good for."""
    success: tuple[int, ...] = (0,)
    """Exit statuses that mean it is done."""
    spec: ContainerSpec
    folder: Folder
    record: bool = True
    """False: a check, run every time."""
    renews: dict[str, str] = {}
    """Volume -> the epoch it has once this is done: its content is another one then."""
    does: str = ""
    """What it does, for people."""


class EndpointOperation(_Operation):
    """Wait until an endpoint answers as seen from the host. Changes nothing."""

    kind: Literal["endpoint"] = "endpoint"
    address: str
    port: int
    http: str | None = None
    """Ask for this path; a status below 500 is an answer."""
    send: str | None = None
    """Send this first (Python string escapes); any reply is an answer."""
    greets: bool = False
    """The server speaks first. With none of the three, an accepted connection is an answer."""


class StartOperation(_Operation):
    """Start a container that is there, as it is. Never part of a deploy.

    Post-condition: it runs (`again`: since then), and its health check passed.
    """

    kind: Literal["start"] = "start"
    container: str
    again: bool
    """Restart it when it runs."""
    start_timeout: int
    """Seconds the health check may take to pass."""


class ReleaseOperation(_Operation):
    """Put an upgrade on record, as long as it is not finished; None: there is none any more.

    Post-condition: the record says so.
    """

    kind: Literal["release"] = "release"
    change: ReleaseChange | None
    forgets: tuple[str, ...] = ()
    """Jobs (`service/name`) that are no longer done: those of an earlier try."""
    former: ReleaseChange | None = None
    """What is on record before: an earlier upgrade that was given up, or an earlier try."""


class SoakOperation(_Operation):
    """Watch containers for some time. Changes nothing.

    Post-condition: all of it they ran, were not started again, and the engine never found them unhealthy;
    at the end their own health checks pass. It fails at once when that is not so.
    """

    kind: Literal["soak"] = "soak"
    seconds: int
    containers: tuple[str, ...]


Operation = Annotated[
    HostOperation
    | ImageOperation
    | DiscardOperation
    | VolumeOperation
    | ContainerOperation
    | RemoveOperation
    | StopOperation
    | MemberOperation
    | JobOperation
    | EndpointOperation
    | StartOperation
    | ReleaseOperation
    | SoakOperation,
    Field(discriminator="kind"),
]


Purpose = Literal["deploy", "upgrade", "finish"]


class Wave(Model):
    """Containers that change first at the same time, what judges them, and what waits for that.

    All are ids of operations."""

    first: tuple[str, ...]
    """The changes on the canary's hosts; empty when these hosts are as they should be already."""
    judges: tuple[str, ...]
    """Checks, then watching: when all have succeeded, the others go on."""
    waiting: tuple[str, ...]
    """Changes of the same containers on other hosts."""


class Canary(Model):
    """The part of a plan that is done and judged before the rest."""

    hosts: tuple[str, ...]
    soak: int
    """Seconds that each wave is watched."""
    waves: tuple[Wave, ...] = ()
    """One after the other, as the order of the services has it."""
    warnings: tuple[str, ...] = ()
    """What changes without one."""


class Restoring(Model):
    """A backup that a plan puts in the place of the data there is."""

    revision: int
    """The upgrade that made it."""
    backup: str
    """Its name."""
    reasons: dict[str, str]
    """Service -> why it cannot work with the data there is."""
    services: tuple[str, ...]
    """All whose data is in it, and goes back to what it was then."""
    loses: str
    """What is gone afterwards: loses ..."""


class Plan(Model):
    """What would be done, in an order that respects every `after`."""

    version: Literal[1] = 1
    cloud_name: str
    cloud_id: str
    precondition: str
    """Hash of the host state this plan was made against."""
    services: tuple[str, ...] | None = None
    """Those it was narrowed to (`--tags`); None: all."""
    purpose: Purpose = "deploy"
    """Which verb it is for."""
    stop_at_failure: bool = False
    """Whether nothing further is begun once an operation failed, not even what does not wait for it."""
    max_fail: int = 0
    """On how many hosts something may fail before no further step is begun on any."""
    operations: tuple[Operation, ...]
    restores: tuple[Restoring, ...] = ()
    """Backups that going back needs, and what that loses."""
    canary: Canary | None = None
    """What goes first, when that was asked for."""
    hooks: tuple[Hook, ...] = ()
    """The operator's own programs that are run before and after, in this order."""

    def __bool__(self) -> bool:
        return bool(self.operations)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read what `save` wrote; InputError when it is not a plan."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise InputError("no such plan", where=Location(path), hint="run: kolla plan -o FILE") from None
        except ValueError as error:
            raise InputError(f"not a plan: {error}", where=Location(path)) from None


def changes(plan: Plan) -> Plan:
    """The plan without what only waits, which may be over at any moment, as containers become ready and
    endpoints answer while somebody looks at it; in an order that does not depend on that."""
    waits = {o.id for o in plan.operations if o.kind == "endpoint" or _waits(o)}
    stay = sorted((o for o in plan.operations if o.id not in waits), key=lambda operation: operation.id)
    operations = tuple(
        operation.model_copy(update={"after": tuple(sorted({*operation.after} - waits))})
        for operation in stay
    )
    return plan.model_copy(update={"operations": operations})


def _waits(operation: Operation) -> bool:
    return isinstance(operation, ContainerOperation) and operation.action == "wait"


def check_usable(
    plan: Plan, path: Path, cloud_id: str, precondition: str, contents: Mapping[str, bytes]
) -> None:
    """InputError unless a plan read from `path` is for this cloud, hosts as they are, and these contents."""
    where, hint = Location(path), f"make it again: kolla plan -o {path}"
    if plan.cloud_id != cloud_id:
        raise InputError(f"this plan is for another cloud, '{plan.cloud_name}'", where=where, hint=hint)
    if plan.precondition != precondition:
        raise InputError("the hosts have changed since this plan was made", where=where, hint=hint)
    for operation in plan.operations:
        if not isinstance(operation, ContainerOperation | JobOperation):
            continue
        changed = [file.name for file in operation.folder.files if file.sha256 not in contents]
        if changed:
            raise InputError(
                f"the settings have changed since this plan was made: {operation.id}, {', '.join(changed)}",
                where=where,
                hint=hint,
            )
