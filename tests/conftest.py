"""What all tests share."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("kolla", deadline=None)
settings.load_profile("kolla")
"""How long an example takes says something of the machine, not of the code."""


def pytest_configure() -> None:
    """Interrupts work, also in what tests start: background jobs of a shell ignore them (execve(2))."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--globals",
        type=Path,
        metavar="FILE",
        help="settings this machine needs (CA certificates, proxies, mirrors), for every cloud under test",
    )
    parser.addoption(
        "--pictures",
        type=Path,
        metavar="DIRECTORY",
        help="where tests in a browser keep pictures of it; without, they keep none",
    )


@pytest.fixture(scope="session")
def machine_globals(request: pytest.FixtureRequest) -> Path | None:
    """The file given with --globals."""
    path: Path | None = request.config.getoption("--globals")
    return path.resolve() if path else None
