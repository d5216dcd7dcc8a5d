"""The volume operation. A volume's epoch is a label: made with it in one step, gone with it.

A job that replaces what is in a volume gives it another epoch, which no label can take: that one is
recorded beside the label it stands in for, so the record of a volume that is gone says nothing of the next.
"""

from __future__ import annotations

import os

from . import files
from .cloud import Cloud
from .context import SKIPPED, Context, Outcome, is_own
from .errors import OperationFailed
from .projection import LABEL_CLOUD, LABEL_SERVICE
from .shapes import Json, VolumeOperation

LABEL_EPOCH = "kolla.epoch"


def epoch(volume: Json, cloud: Cloud) -> str | None:
    """The epoch of a volume, from its `inspect` document or the record of a later one."""
    made: str | None = (volume["Labels"] or {}).get(LABEL_EPOCH)
    record = files.read_json(cloud.volume_record(volume["Name"]))
    return record["epoch"] if record and record["made"] == made else made


def renew(name: str, epoch: str, context: Context) -> None:
    """Give a volume that is there another epoch."""
    volume = context.engine.volume(name)
    if volume is None:
        raise OperationFailed(f"volume '{name}' was removed meanwhile")
    made = (volume["Labels"] or {}).get(LABEL_EPOCH)
    files.write_json(context.cloud.volume_record(name), {"made": made, "epoch": epoch})


def perform(operation: VolumeOperation, context: Context) -> Outcome:
    """Have the volume, with an epoch; one that is there keeps the one it has.

    A volume without our label is replaced when it is empty and unused, as engines make them by the
    way; with something in it, it is somebody's.
    """
    engine, name = context.engine, operation["volume"]
    volume = engine.volume(name)
    if volume is not None:
        if is_own(volume["Labels"], context.cloud) and epoch(volume, context.cloud):
            return SKIPPED
        if os.listdir(volume["Mountpoint"]):
            raise OperationFailed(
                f"volume '{name}' holds data and was not made by this cloud; "
                f"if the data is not needed, remove it: {engine.name} volume rm {name}"
            )
        engine.remove_volume(name)
    labels = {LABEL_CLOUD: context.cloud.id, LABEL_SERVICE: operation["service"]}
    engine.create_volume(name, {**labels, LABEL_EPOCH: operation["epoch"]})
    return Outcome(message=f"made volume {name}")


def check_present(names: list[str], context: Context) -> None:
    """OperationFailed unless all are this cloud's: the engine would make missing ones, empty."""
    for name in names:
        volume = context.engine.volume(name)
        if volume is None or not is_own(volume["Labels"], context.cloud):
            raise OperationFailed(f"volume '{name}' is missing or was not made by this cloud")
