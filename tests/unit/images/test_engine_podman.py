import threading
import time
from pathlib import Path

import pytest

from kolla.errors import KollaError
from kolla.images.engine import Engine, connect
from kolla.images.processes import Cancelled
from kolla.images.registry import Registry, RegistryError


def podman(directory: Path, version: str) -> None:
    """A `podman` of some version."""
    program = directory / "podman"
    program.write_text(f"#!/bin/sh\necho {version} /var/lib/containers/storage\n")
    program.chmod(0o755)


def test_one_that_spoils_images_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    podman(tmp_path, "4.3.1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(KollaError, match=r"podman 4\.3\.1") as caught:
        connect("podman")
    assert "podman 5 or newer" in str(caught.value)


BUSY = """\
#!/bin/sh
case $1 in
info) echo 5.4.2 /var/lib/containers/storage;;
push) echo $$ >"$SEEN"; sleep 300;;
pull) echo 'trying again' >&2; echo 'Error: 503 Service Unavailable' >&2; exit 125;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Podman, which never ends a push and may pull nothing."""
    program = tmp_path / "podman"
    program.write_text(BUSY)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SEEN", str(tmp_path / "pid"))
    return connect("podman")


def test_a_push_ends_when_the_run_is_given_up(engine: Engine, tmp_path: Path) -> None:
    outcome: list[BaseException] = []

    def push() -> None:
        try:
            engine.push("r.example/kolla/a:b", Registry("r.example"))
        except KollaError as error:
            outcome.append(error)

    thread = threading.Thread(target=push)
    thread.start()
    seen = tmp_path / "pid"
    while not (seen.exists() and seen.read_text().strip()):
        time.sleep(0.01)
    engine.cancel()
    thread.join(30)
    assert [type(one) for one in outcome] == [Cancelled]
    assert not Path(f"/proc/{seen.read_text().strip()}").exists()


def test_what_a_registry_said_last_is_told(engine: Engine) -> None:
    with pytest.raises(
        RegistryError, match="cannot pull debian:13: Error: 503 Service Unavailable"
    ) as caught:
        engine.pull("debian:13")
    assert not caught.value.final


def test_without_one_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KollaError, match="there is none on PATH"):
        connect("podman")
