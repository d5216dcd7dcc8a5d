"""The container operations: writing a configuration and taking it into use, as one thing.

While a container is swapped the new one is `<name>.new` and the previous one `<name>.old`. The record
of what a container has taken is struck off first and written last, so a killed run always leaves a
container that the next plan wants to act on; the operation then takes the half-done change back and
starts over.
"""

from __future__ import annotations

from pathlib import Path

from . import folder as folders
from . import health, projection, volumes
from .context import SKIPPED, Context, Outcome
from .errors import OperationFailed
from .shapes import ContainerOperation, Json, RemoveOperation, Spec, StopOperation

NEW, OLD = ".new", ".old"
NEVER = ""
"""When a container was started that nobody has seen ready since."""


def perform(operation: ContainerOperation, context: Context) -> Outcome:
    """Have the container run with its spec, having taken its folder, its health check passed.

    What has to be done is seen from the host itself; the operation's `action` is what the plan
    foresaw. On failure a previous container, or a previous folder, is put back into use.
    """
    spec, wanted = operation["spec"], operation["folder"]
    name = spec["name"]
    running = _running_as_wanted(operation, context)
    if running is not None and operation["action"] == "wait":
        _gate(operation, context)
        record(operation, context)
        return Outcome()
    if running is not None and health.is_ready(running, spec, context.engine):
        return SKIPPED
    volumes.check_present(named_volumes(operation), context)
    _undo(name, wanted["path"], context)
    present = context.own_container(name)
    if present is None:
        begin(operation, context)
    elif not _is_right(present, spec, context):
        _swap(operation, context)
    elif operation["action"] == "reload" and _can_reload(present, operation, context):
        _reload(operation, context)
    else:
        _start_again(operation, context)
    folders.keep(wanted["path"])
    record(operation, context)
    return Outcome()


def remove(operation: RemoveOperation, context: Context) -> Outcome:
    """Stop and remove a container and its folder. Its volumes stay."""
    name, found = operation["container"], False
    for each in (name, name + NEW, name + OLD):
        container = context.own_container(each)
        if container is not None:
            found = True
            context.engine.stop(each)
            context.engine.remove(each)
    if operation["folder"]:
        found = folders.remove(operation["folder"], context.manifest) or found
    context.cloud.forget_taken(name)
    return Outcome() if found else SKIPPED


def stop(operation: StopOperation, context: Context) -> Outcome:
    """Stop a container, unless there is none or it does not run."""
    name = operation["container"]
    container = context.own_container(name)
    if container is None or not container["State"]["Running"]:
        return SKIPPED
    context.engine.stop(name)
    return Outcome()


def named_volumes(operation: ContainerOperation) -> list[str]:
    """The volumes that a container is to have."""
    return [mount["source"] for mount in operation["spec"]["mounts"] if mount["type"] == "volume"]


def base_name(name: str) -> str:
    """The container a name in the engine stands for: `x` for `x`, `x.new` and `x.old`."""
    for suffix in (NEW, OLD):
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def holds(operation: ContainerOperation, context: Context) -> bool:
    """Whether the container is as the operation is to make it, its health included."""
    running = _running_as_wanted(operation, context)
    return running is not None and health.is_ready(running, operation["spec"], context.engine)


def _running_as_wanted(operation: ContainerOperation, context: Context) -> Json | None:
    """The container if it runs with its spec and has taken its folder: all but its health."""
    spec, wanted = operation["spec"], operation["folder"]
    container = context.own_container(spec["name"])
    if (
        container is not None
        and container["State"]["Running"]
        and context.cloud.taken(spec["name"]) == folders.digest(wanted)
        and folders.matches(wanted)
        and _is_right(container, spec, context)
    ):
        return container
    return None


def _is_right(container: Json, spec: Spec, context: Context) -> bool:
    """Whether a container is what the spec says, by what it is and by what it was made for."""
    made_for = container["Config"]["Labels"].get(projection.LABEL_SPEC)
    now = projection.project(container, context.engine.image(container["Image"]))
    return bool(made_for == projection.digest(spec)) and now == spec


def _create(name: str, operation: ContainerOperation, context: Context) -> None:
    labels = {
        projection.LABEL_CLOUD: context.cloud.id,
        projection.LABEL_SERVICE: operation["service"],
        projection.LABEL_GENERATION: str(operation["generation"]),
        projection.LABEL_FOLDER: operation["folder"]["path"],
    }
    context.engine.create(name, projection.payload(operation["spec"], labels))


def begin(operation: ContainerOperation, context: Context) -> None:
    """Create and start a container where there is none. One that fails is left to look at."""
    name = operation["spec"]["name"]
    context.cloud.forget_taken(name)
    folders.place(operation["folder"], context.bundle, context.manifest)
    _create(name, operation, context)
    context.engine.start(name)
    _gate(operation, context)


def _start_again(operation: ContainerOperation, context: Context) -> None:
    """Start a container that is itself right, with its folder; else with the folder it had."""
    spec, path = operation["spec"], operation["folder"]["path"]
    taken = context.cloud.taken(spec["name"])
    folders.place(operation["folder"], context.bundle, context.manifest)
    context.cloud.forget_taken(spec["name"])
    try:
        context.engine.restart(spec["name"], spec["stop_timeout"])
        _gate(operation, context)
    except OperationFailed as failure:
        if taken is None:
            # What it had before was no better.
            folders.keep(path)
            raise
        if not folders.undo(path):
            raise
        context.engine.restart(spec["name"], spec["stop_timeout"])
        context.cloud.record_taken(spec["name"], taken, NEVER)
        raise OperationFailed(f"{failure}; it has its previous configuration again", failure.log) from None


def _can_reload(container: Json, operation: ContainerOperation, context: Context) -> bool:
    """Whether a container runs, and sees its folder: one that was put in its place by hand it would not."""
    if not container["State"]["Running"] or context.cloud.taken(operation["spec"]["name"]) is None:
        return False
    path = Path(operation["folder"]["path"])
    root = f"/proc/{container['State']['Pid']}/root"
    inside = Path(f"{root}{folders.target(operation['spec'], str(path))}")
    return path.exists() and inside.exists() and inside.samefile(path)


def _reload(operation: ContainerOperation, context: Context) -> None:
    """Have a container that goes on running take its folder into use; else the folder it had."""
    name, path = operation["spec"]["name"], operation["folder"]["path"]
    taken = context.cloud.taken(name)
    context.cloud.forget_taken(name)
    try:
        folders.renew(operation["folder"], context.bundle)
        _take(operation, context)
    except OperationFailed as failure:
        folders.renew_back(path)
        _take(operation, context)
        assert taken is not None  # else it would have been started again
        context.cloud.record_taken(name, taken, NEVER)
        raise OperationFailed(f"{failure}; it has its previous configuration again", failure.log) from None


def _take(operation: ContainerOperation, context: Context) -> None:
    for command in operation["reload"]:
        context.engine.run_in(operation["spec"]["name"], command)
    _gate(operation, context)


def _swap(operation: ContainerOperation, context: Context) -> None:
    """Put a new container in the place of the present one; else the present one back."""
    name, engine = operation["spec"]["name"], context.engine
    taken = context.cloud.taken(name)
    context.cloud.forget_taken(name)
    try:
        # All that can be done before, is: nobody serves between the stop and the start. The present container
        # goes on seeing the folder it was started with.
        folders.place(operation["folder"], context.bundle, context.manifest)
        _create(name + NEW, operation, context)
        if operation["update_order"] == "stop-first":
            engine.stop(name)
        engine.rename(name, name + OLD)
        engine.rename(name + NEW, name)
        engine.start(name)
        if operation["update_order"] == "start-first":
            engine.stop(name + OLD)
        _gate(operation, context)
        if operation["update_order"] == "ready-first":
            engine.stop(name + OLD)
    except OperationFailed as failure:
        _undo(name, operation["folder"]["path"], context)
        back = context.own_container(name)
        volumes.give_back(named_volumes(operation), [back] if back else [], context)
        engine.start(name)
        if taken is not None:
            context.cloud.record_taken(name, taken, NEVER)
        raise OperationFailed(f"{failure}; the previous container is back", failure.log) from None
    engine.remove(name + OLD)


def record(operation: ContainerOperation, context: Context) -> None:
    """Write down that the container is ready, since this start, with its folder."""
    record_ready(operation["spec"]["name"], folders.digest(operation["folder"]), context)


def record_ready(name: str, digest: str, context: Context) -> None:
    """Write down that a container is ready, since this start, with the folder of that digest."""
    container = context.own_container(name)
    started = container["State"]["StartedAt"] if container is not None else NEVER
    context.cloud.record_taken(name, digest, started)


def _gate(operation: ContainerOperation, context: Context) -> None:
    spec = operation["spec"]
    health.gate(spec["name"], spec, operation["start_timeout"], context.engine)


def _undo(name: str, path: str, context: Context) -> None:
    """Take an unfinished change back: the previous container and folder have their names again."""
    if context.own_container(name + NEW) is not None:
        context.engine.remove(name + NEW)
    if context.own_container(name + OLD) is not None:
        if context.own_container(name) is not None:
            context.engine.remove(name)
        context.engine.rename(name + OLD, name)
    folders.undo(path)
