"""Putting a container of ours in the place of Kolla-Ansible's, or of ours that had another name, and those
back if it does not become ready.

They are set aside under other names until ours is ready; the configuration folder, which both tools keep at
the same place, goes the same way. A killed run leaves them set aside: the next plan sees them, and starts
over from how it was before.
"""

from __future__ import annotations

from . import containers, former, predecessors, volumes
from . import folder as folders
from .context import Context, Outcome, is_own
from .errors import OperationFailed
from .shapes import ContainerOperation


def perform(operation: ContainerOperation, context: Context) -> Outcome:
    """Have the container run with its spec and folder, and those it replaces gone.

    OperationFailed when it does not become ready; those it was to replace run again then.
    """
    spec, replaces, engine = operation["spec"], operation["replaces"], context.engine
    if not _is_done(operation, context):
        volumes.check_present(containers.named_volumes(operation), context)
        _undo(operation, context)
        try:
            predecessors.set_aside(replaces, spec["stop_timeout"], engine)
            former.set_aside(replaces, context)
            containers.begin(operation, context)
        except OperationFailed as failure:
            _undo(operation, context)
            back = former.present(replaces, context)
            volumes.give_back(containers.named_volumes(operation), back, context)
            former.start(replaces, context)
            what = f"{failure}; what it was to replace runs again: {', '.join(replaces)}"
            raise OperationFailed(what, failure.log) from None
        containers.record(operation, context)
    predecessors.forget(replaces, engine)
    former.forget(replaces, context)
    folders.keep(operation["folder"]["path"])
    return Outcome(message=f"took the place of {', '.join(replaces)}")


def _is_done(operation: ContainerOperation, context: Context) -> bool:
    """Whether only what was set aside is left to remove."""
    in_place = predecessors.not_aside(operation["replaces"], context.engine)
    in_place += former.not_aside(operation["replaces"], context)
    return not in_place and containers.holds(operation, context)


def _undo(operation: ContainerOperation, context: Context) -> None:
    """Take an unfinished change back. A stranger under our name stays where it is, and is told later."""
    name, engine = operation["spec"]["name"], context.engine
    present = engine.inspect(name)
    if present is not None and is_own(present["Config"]["Labels"], context.cloud):
        engine.remove(name)
    context.cloud.forget_taken(name)
    folders.undo(operation["folder"]["path"])
    predecessors.put_back(operation["replaces"], engine)
    former.put_back(operation["replaces"], context)
