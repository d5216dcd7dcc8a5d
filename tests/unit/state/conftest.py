from __future__ import annotations

from pathlib import Path

import pytest
from world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One host, nothing on it."""
    return World(tmp_path)


@pytest.fixture
def deployed(world: World) -> World:
    """One host with everything deployed."""
    world.carry_out(world.plan())
    return world


@pytest.fixture
def three(tmp_path: Path) -> World:
    """Three hosts with everything deployed."""
    world = World(tmp_path, ("one", "two", "three"))
    world.groups = {"control": world.hosts, "mariadb": world.hosts[:1]}
    world.carry_out(world.plan())
    return world
