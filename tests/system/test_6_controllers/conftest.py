"""The cloud these modules share; its hosts are gone before the modules after them begin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.harness import Kolla

from test_6_controllers.controllers import Controllers, three_controllers


@pytest.fixture(scope="package")
def three(
    cloud: Kolla, machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controllers]:
    """A cloud with three controllers, of images that the machine's own built."""
    with three_controllers(tmp_path_factory.mktemp("controllers"), machine_globals) as three:
        yield three
