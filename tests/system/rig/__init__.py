"""Emulated hosts for tests and for people: `Rig("mine").up(["node1", "node2"])`, or

.venv/bin/python -m tests.system.rig up node1 node2

A host is a container with systemd, sshd, an engine of its own and cgroup v2 (docs/testing.md).
"""

from .rig import Rig

__all__ = ["Rig"]
