"""The release operation: the record of an upgrade, as long as it is not finished."""

from __future__ import annotations

from . import files
from .context import SKIPPED, Context, Outcome
from .shapes import ReleaseOperation


def perform(operation: ReleaseOperation, context: Context) -> Outcome:
    """Have the record say what the operation says, and none of the jobs it names be done."""
    path, change = context.cloud.upgrade_record, operation["change"]
    done = [record for job in operation["forgets"] if (record := context.cloud.job_record(job)).exists()]
    if files.read_json(path) == change and not done:
        return SKIPPED
    for record in done:
        record.unlink()
    if change is not None:
        files.write_json(path, change)
    else:
        path.unlink(missing_ok=True)
    return Outcome()
