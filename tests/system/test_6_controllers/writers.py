"""Somebody outside of the hosts who writes all the time, and then looks for what was acknowledged:
`writes = Writes(three, directory, "a")`, `with writes.going_on(): ...`, `assert writes.missing() == {}`."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.client import OpenStack, Refused, until
from system.load import TROUBLE

from test_6_controllers import test_a_database as database
from test_6_controllers import test_b_bus_and_identity as bus
from test_6_controllers.controllers import CONTROLLERS, Controllers

PAUSE = 0.5
"""Seconds between two users."""
BEGIN = 60
"""Seconds until the first row and the first message are written, at most."""
END = 120
"""Seconds a write that was begun may take to be acknowledged, at most, when the cloud is well again."""
CONFLICT = 409
FLAGS = "/flags"


class Writes:
    """Rows of the database through the VIP, messages of the bus, users by identity's API. Each is tried again
    until it is acknowledged."""

    def __init__(self, three: Controllers, directory: Path, name: str) -> None:
        """`name` is how its users' names begin. `directory` is for files of its clients."""
        self._three = three
        self._directory = directory
        self._name = name
        show = ["docker", "inspect", "--format", "{{.Config.Image}}", "keystone"]
        self._image = three.rig.run(CONTROLLERS[0], show).strip()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._make_users)
        self.rows = 0
        self.messages = 0
        self.users: list[str] = []
        self.longest = 0.0
        """Seconds that a row or a message took, at most."""

    @property
    def count(self) -> int:
        """How many were acknowledged."""
        return self.rows + self.messages + len(self.users)

    def missing(self) -> dict[str, object]:
        """What of it is not there, by the name of where it should be."""
        # Identity lists a thousand at most.
        mine = f"/users?name__startswith={self._name}-"
        listed = OpenStack.of(self._three.cloud.config_directory).get("identity", mine)["users"]
        names = {user["name"] for user in listed}
        rows = database.rows(self._three)
        seen = json.loads(self._client(bus.CLIENT, "consume").communicate()[0])["seen"]
        found = {
            "rows": rows - {self.rows},
            "messages": self.messages - seen,
            "users": [name for name in self.users if name not in names],
        }
        return {name: lost for name, lost in found.items() if lost}

    def _client(self, text: str, *words: str) -> subprocess.Popen[str]:
        """A client in the image that has the libraries, on this machine: no host of the cloud is below it."""
        command = [
            *("docker", "run", "--rm", "--network", "host", "--user", "0", "--entrypoint", "python3"),
            *("--volume", f"{self._directory}:{FLAGS}"),
            *("--volume", f"{self._directory}/keystone.conf:/etc/keystone/keystone.conf:ro"),
            *(self._image, "-c", text, *words),
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def _make_users(self) -> None:
        user = OpenStack.of(self._three.cloud.config_directory)
        while not self._over.wait(PAUSE):
            name = f"{self._name}-{len(self.users)}"
            try:
                user.call("POST", "identity", "/users", {"user": {"name": name}})
            except TROUBLE as trouble:
                # It was made, and only the answer was lost.
                if not (isinstance(trouble, Refused) and trouble.status == CONFLICT):
                    continue
            self.users.append(name)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """While the context lasts, which begins when all of them are written."""
        three = self._three
        configuration = self._directory / "keystone.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            three.rig.run(
                CONTROLLERS[0], ["docker", "exec", "keystone", "cat", "/etc/keystone/keystone.conf"]
            )
        )
        self._client(bus.CLIENT, "consume").communicate()  # what others have left
        flags = {name: self._directory / name for name in ("rows", "messages")}
        writing = {
            "rows": self._client(
                database.CLIENT, "write", database.vip(three), database.password(three), f"{FLAGS}/rows"
            ),
            "messages": self._client(bus.CLIENT, "publish", f"{FLAGS}/messages"),
        }
        self._thread.start()
        try:
            until(lambda: all(flag.exists() for flag in flags.values()) and self.users, BEGIN, "writes")
            yield
        finally:
            self._over.set()
            for flag in flags.values():
                flag.unlink(missing_ok=True)
            said = {name: client.communicate(timeout=END)[0] for name, client in writing.items()}
            self._thread.join()
        rows, messages = json.loads(said["rows"]), json.loads(said["messages"])
        self.rows, self.messages = rows["written"], messages["published"]
        self.longest = max(rows["longest"], messages["longest"])
        print(f"rows: {rows}, messages: {messages}, users: {len(self.users)}")
