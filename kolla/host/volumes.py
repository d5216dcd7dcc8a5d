"""The volume operation. A volume's epoch is a label: made with it in one step, gone with it.

A job that replaces what is in a volume gives it another epoch, which no label can take: that one is
recorded beside the label it stands in for, so the record of a volume that is gone says nothing of the next.
What stands for the label of one that was taken over or copied is in `adopted`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from . import adopted, files, tree
from .cloud import Cloud
from .context import SKIPPED, Context, Outcome, is_own
from .engine import Engine
from .errors import OperationFailed
from .manifest import Manifest
from .projection import LABEL_CLOUD, LABEL_SERVICE
from .shapes import Json, VolumeOperation

LABEL_EPOCH = "kolla.epoch"
ENDED = ("created", "exited", "dead")
"""The engine's words for containers that do not run, and will not by themselves."""


def epoch(volume: Json, cloud: Cloud) -> str | None:
    """The epoch of a volume of the cloud, from its `inspect` document or the record of a later one; None of
    a volume that it neither made nor took over."""
    made = _made(volume, cloud)
    record = files.read_json(cloud.volume_record(volume["Name"])) if made else None
    return record["epoch"] if record and record["made"] == made else made


def _made(volume: Json, cloud: Cloud) -> str | None:
    """The epoch a volume got when the cloud made it, took it over or had copied what is in it."""
    labels = volume["Labels"] or {}
    label = labels.get(LABEL_EPOCH) if is_own(labels, cloud) else None
    return label or adopted.epoch(volume, cloud)


def renew(name: str, epoch: str, context: Context) -> None:
    """Give a volume that is there another epoch."""
    volume = context.engine.volume(name)
    if volume is None:
        raise OperationFailed(f"volume '{name}' was removed meanwhile")
    made = _made(volume, context.cloud)
    files.write_json(context.cloud.volume_record(name), {"made": made, "epoch": epoch})


def own(engine: Engine, cloud: Cloud, manifest: Manifest) -> dict[str, str | None]:
    """Every volume of the cloud -> its epoch."""
    found = {v["Name"]: epoch(v, cloud) for v in engine.volumes(f"{LABEL_CLOUD}={cloud.id}")}
    for name in adopted.names(manifest):
        volume = engine.volume(name)
        if volume is not None and (made := epoch(volume, cloud)):
            found[name] = made
    return found


def copies(engine: Engine, cloud: Cloud, own_: dict[str, str | None]) -> dict[str, str]:
    """Of the cloud's volumes, those that were copied, and from which."""
    found = ((name, engine.volume(name)) for name, made in own_.items() if made)
    return {name: source for name, volume in found if volume and (source := adopted.source(volume, cloud))}


def unclaimed(names: list[str], engine: Engine, own_: dict[str, str | None]) -> list[str]:
    """Of `names`, the volumes that exist and belong to no cloud of ours, this one or another."""
    found = ((name, engine.volume(name)) for name in names if name not in own_)
    return [name for name, volume in found if volume and LABEL_CLOUD not in (volume["Labels"] or {})]


def blank(names: list[str], engine: Engine, own_: dict[str, str | None]) -> list[str]:
    """Of `names`, the volumes of this cloud that have nothing in them."""
    found = ((name, engine.volume(name)) for name in names if name in own_)
    return [name for name, volume in found if volume and not os.listdir(volume["Mountpoint"])]


def perform(operation: VolumeOperation, context: Context) -> Outcome:
    """Have the volume, with an epoch; one that is there keeps the one it has.

    What was copied half is thrown away. A volume that is nobody's is taken over with its data when the
    operation says so. Otherwise it is replaced when it is empty and unused, as engines make them by the way;
    with something in it, it is somebody's.
    """
    engine, name = context.engine, operation["volume"]
    volume = engine.volume(name)
    if volume is not None:
        if epoch(volume, context.cloud):
            return SKIPPED
        if operation["adopt"]:
            return _adopt(volume, operation, context)
        unfinished = operation["source"] and is_own(volume["Labels"], context.cloud)
        if not unfinished and os.listdir(volume["Mountpoint"]):
            raise OperationFailed(
                f"volume '{name}' holds data and was not made by this cloud; "
                f"if the data is not needed, remove it: {engine.name} volume rm {name}"
            )
        engine.remove_volume(name)
    context.cloud.volume_record(name).unlink(missing_ok=True)
    labels = {LABEL_CLOUD: context.cloud.id, LABEL_SERVICE: operation["service"]}
    if operation["source"]:
        return _copy(operation, labels, context)
    engine.create_volume(name, {**labels, LABEL_EPOCH: operation["epoch"]})
    return Outcome(message=f"made volume {name}")


def _copy(operation: VolumeOperation, labels: dict[str, str], context: Context) -> Outcome:
    """Make the volume and have in it what is in the source, which nothing uses meanwhile."""
    engine, name, stopped = context.engine, operation["volume"], []
    source = engine.volume(operation["source"])
    if source is None or not epoch(source, context.cloud):
        raise OperationFailed(f"volume '{operation['source']}' is missing or was not made by this cloud")
    try:
        for user in operation["stops"]:
            container = context.own_container(user)
            if container is not None and container["State"]["Running"]:
                stopped.append(user)
                engine.stop(user)
        _check_unused(source["Name"], engine)
        engine.create_volume(name, labels)
        copy = engine.volume(name)
        assert copy is not None
        files_, size = tree.copy(Path(source["Mountpoint"]), Path(copy["Mountpoint"]))
    except (OperationFailed, OSError):
        for user in stopped:
            engine.start(user)
        raise
    adopted.record_copy(copy, operation["epoch"], source["Name"], context.cloud)
    return Outcome(message=f"copied {files_} files, {size / 1e6:.0f} MB; volume {source['Name']} stays")


def _check_unused(name: str, engine: Engine) -> None:
    users = [
        container["Names"][0].lstrip("/")
        for container in engine.containers()
        if container["State"] not in ENDED and name in _mounted(container)
    ]
    if users:
        raise OperationFailed(f"volume '{name}' cannot be copied while it is used: {', '.join(users)}")


def give_back(names: Iterable[str], used: Iterable[Json], context: Context) -> None:
    """Volumes that a container had which did not become ready: of copies that none of the containers `used`
    in its place has, what is in them is not to be used. It is copied anew the next time."""
    kept = {name for container in used for name in _mounted(container)}
    for name in names:
        volume = context.engine.volume(name)
        if volume is not None and name not in kept and adopted.source(volume, context.cloud):
            adopted.forget_copy(volume)


def _mounted(container: Json) -> set[str]:
    """The named volumes of a container, from its `inspect` document or the engine's short form."""
    return {mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume"}


def _adopt(volume: Json, operation: VolumeOperation, context: Context) -> Outcome:
    if LABEL_CLOUD in (volume["Labels"] or {}):
        raise OperationFailed(f"volume '{operation['volume']}' belongs to another cloud of Kolla's")
    if operation["owner"]:
        adopted.give(Path(volume["Mountpoint"]), operation["owner"])
    adopted.record(volume, operation["epoch"], context.cloud, context.manifest)
    return Outcome(message=f"took over volume {operation['volume']} with what is in it")


def check_present(names: list[str], context: Context) -> None:
    """OperationFailed unless all are this cloud's: the engine would make missing ones, empty."""
    for name in names:
        volume = context.engine.volume(name)
        if volume is None or not epoch(volume, context.cloud):
            raise OperationFailed(f"volume '{name}' is missing or was not made by this cloud")
