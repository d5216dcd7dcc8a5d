import io
import time
from pathlib import Path

import pytest

from kolla.errors import KollaError
from kolla.images.command import feed


class Interrupted(io.BytesIO):
    """What somebody types Ctrl-C in the middle of, once there is a file."""

    def __init__(self, content: bytes, file: Path) -> None:
        super().__init__(content)
        self.file = file

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece:
            while not self.file.exists():
                time.sleep(0.01)
            raise KeyboardInterrupt
        return piece


def test_a_command_gets_all_of_an_archive(tmp_path: Path) -> None:
    feed(["sh", "-c", f"cat >{tmp_path}/got"], io.BytesIO(b"all of it"))
    assert (tmp_path / "got").read_bytes() == b"all of it"


def test_what_is_interrupted_is_never_taken_for_all(tmp_path: Path) -> None:
    number, done = tmp_path / "number", tmp_path / "done"
    command = ["sh", "-c", f"echo $$ >{number}.new; mv {number}.new {number}; cat >/dev/null; touch {done}"]
    with pytest.raises(KeyboardInterrupt):
        feed(command, Interrupted(b"half of it", number))
    assert not Path("/proc", number.read_text().strip()).exists()
    assert not done.exists()


def test_the_last_words_of_a_command_are_told() -> None:
    with pytest.raises(KollaError, match="sh -c failed: no room"):
        feed(["sh", "-c", "echo no room >&2; exit 1"], io.BytesIO(b"x" * 10_000_000))
