"""The database server and its programs, as the jobs of this image use them."""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DATA = Path("/var/lib/mysql")
WRITTEN = ".kolla-version"
"""The file beside the data that says which server was last allowed it."""
START_TIMEOUT = 300
"""Seconds a server that nobody else uses may take to open its files."""


class Fault(Exception):
    """What went wrong, in one line."""


def run(command: Sequence[str], text: str, problem: str) -> str:
    """What `command` prints, given `text` on standard input. Fault with `problem` and its last words."""
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip().splitlines()[-1:]
        raise Fault(f"{problem}: {' '.join(words) or f'exit status {result.returncode}'}")
    return result.stdout


def runs(data: Path) -> bool:
    """Whether a server holds a data directory: it keeps its tablespace locked."""
    try:
        with open(data / "ibdata1", "rb+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def version() -> str:
    """The version of this image's server: `11.8.3`."""
    said = run(["mariadbd", "--no-defaults", "--version"], "", "the server does not tell its version")
    return said.partition("Ver ")[2].partition("-")[0].partition(" ")[0]


def note_version(data: Path) -> None:
    """Write beside the data that it is this image's server that has it."""
    (data / WRITTEN).write_text(version())


def series(version: str) -> tuple[int, ...]:
    """What decides whether one server can read another's files: (11, 8)."""
    return tuple(int(number) for number in version.split(".")[:2])


def configured() -> dict[str, str]:
    """The options of the server of this container's configuration."""
    result = subprocess.run(["my_print_defaults", "mariadbd"], capture_output=True, text=True)
    return dict(line.removeprefix("--").partition("=")[::2] for line in result.stdout.splitlines())


def address() -> str:
    """Host and port of the server of this container's configuration, as lines of an options file."""
    options = configured()
    return f"host = {options.get('bind-address', '127.0.0.1')}\nport = {options.get('port', '3306')}\n"


def quote_option(text: str) -> str:
    """A value of an options file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True)
class Client:
    """A way to talk to one server: a file of options, which holds the password that no command line shows."""

    options: Path

    def query(self, sql: str) -> list[list[str]]:
        """The rows of the answers to statements, as text."""
        command = ["mariadb", f"--defaults-file={self.options}", "--batch", "--skip-column-names"]
        said = run(command, sql, "the server did not answer")
        return [line.split("\t") for line in said.splitlines()]


@contextmanager
def running(user: str, password: str) -> Iterator[Client]:
    """The server of this container's configuration, as one of its users."""
    with tempfile.TemporaryDirectory() as directory:
        options = Path(directory, "client.cnf")
        options.touch(mode=0o600)
        options.write_text(f"[client]\nuser = {user}\npassword = {quote_option(password)}\n{address()}")
        yield Client(options)


@contextmanager
def throw_away(data: Path) -> Iterator[Client]:
    """A server of one's own on a data directory, that nobody else can reach; it ends with the block.

    Fault, with the last words of its log, when it does not start.
    """
    with tempfile.TemporaryDirectory() as directory:
        socket, log = Path(directory, "socket"), Path(directory, "log")
        options = Path(directory, "client.cnf")
        options.write_text(f"[client]\nsocket = {socket}\n")
        command = [
            "mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={socket}",
            f"--pid-file={directory}/pid",
            f"--log-error={log}",
            "--skip-networking",
            "--skip-grant-tables",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=128M",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                client = Client(options)
                _wait(client, server, log)
                yield client
            finally:
                server.terminate()


def _wait(client: Client, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            client.query("SELECT 1")
        except Fault:
            time.sleep(0.2)
        else:
            return
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines if "[ERROR]" in line] or lines
    raise Fault(f"no server starts on it: {' '.join(errors[:1]) or 'it says nothing'}")
