import io
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from kolla.images.processes import Cancelled, Processes


@pytest.fixture
def log() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


def said(log: IO[bytes]) -> bytes:
    log.seek(0, io.SEEK_SET)
    return log.read()


def test_what_is_printed_goes_to_the_log(log: IO[bytes]) -> None:
    command = ["sh", "-c", "cat; echo error >&2; exit 3"]
    assert Processes().run(command, log, os.environ, given=b"given\n") == 3
    assert said(log) == b"given\nerror\n"


def test_errors_may_go_elsewhere(log: IO[bytes]) -> None:
    with tempfile.TemporaryFile() as errors:
        assert Processes().run(["sh", "-c", "echo out; echo error >&2"], log, os.environ, errors=errors) == 0
        assert (said(log), said(errors)) == (b"out\n", b"error\n")


def test_who_waits_and_is_interrupted_leaves_nothing_running(log: IO[bytes], tmp_path: Path) -> None:
    seen = tmp_path / "pid"

    def interrupt() -> None:
        while not (seen.exists() and seen.read_text().strip()):
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        command = "trap 'echo interrupted; exit' INT; echo $$ >$0; while :; do sleep 0.1; done"
        Processes().run(["sh", "-c", command, str(seen)], log, os.environ)
    assert said(log) == b"interrupted\n"
    assert not Path(f"/proc/{seen.read_text().strip()}").exists()


def test_what_takes_too_long_is_ended(log: IO[bytes]) -> None:
    assert Processes().run(["sleep", "300"], log, os.environ, timeout=0.1) is None


def test_cancelling_ends_a_program_and_all_it_started(log: IO[bytes], tmp_path: Path) -> None:
    processes, seen = Processes(), tmp_path / "pid"
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            processes.run(["sh", "-c", f"sleep 300 & echo $! >{seen}; wait"], log, os.environ)
        except Cancelled as cancelled:
            outcome.append(cancelled)

    thread = threading.Thread(target=run)
    thread.start()
    while not (seen.exists() and seen.read_text().strip()):
        time.sleep(0.01)
    processes.cancel()
    thread.join(30)
    assert [type(one) for one in outcome] == [Cancelled]
    child = Path(f"/proc/{seen.read_text().strip()}/stat")
    while child.exists() and child.read_text().split()[2] != "Z":  # nobody may be there to collect it
        time.sleep(0.01)
    with pytest.raises(Cancelled):
        processes.run(["true"], log, os.environ)
    with pytest.raises(Cancelled):
        processes.wait(300)
