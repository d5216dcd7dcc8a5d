"""Emulated hosts for tests and for people: `Rig("mine").up(["node1", "node2"])`, or

.venv/bin/python -m tests.system.rig up node1 node2
"""

from .rig import Rig

__all__ = ["Rig"]
