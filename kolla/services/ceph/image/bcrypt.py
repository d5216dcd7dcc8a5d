"""Stands for bcrypt in the manager, whose modules import it and never use it.

The manager runs each module in an interpreter of its own, and Debian's bcrypt refuses to be in several of one
process (tracker.ceph.com/issues/64213): then no module would start. Only the dashboard, which is not here,
hashes passwords.
"""

from __future__ import annotations

from typing import NoReturn


def gensalt(*_: object) -> NoReturn:
    """As bcrypt has it."""
    raise NotImplementedError("there is no bcrypt here")


hashpw = checkpw = gensalt
