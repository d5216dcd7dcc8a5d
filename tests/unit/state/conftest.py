from __future__ import annotations

from pathlib import Path

import pytest
from world import World

from kolla.state.reconcile import reconcile


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One host, nothing on it."""
    return World(tmp_path)


@pytest.fixture
def deployed(world: World) -> World:
    """One host with everything deployed."""
    world.carry_out(reconcile(world.desired, world.states))
    return world
