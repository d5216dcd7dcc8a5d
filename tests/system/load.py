"""Somebody who uses the cloud all the time: `with Load(openstack) as load: ...`, then `load.gaps`;
with limits, `with in_use(user, "upgrade"): ...`.

Each thing is asked for by itself, over and over, so that one that is away hides no other.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
import urllib.error
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType

from system.client import Demo, OpenStack, Refused
from system.harness import qemu_pid

from bench.pings import Pings

PING_GAP = 1.0
"""Seconds a server may be out of reach when its switch is replaced."""
API_GAP = 10.0
"""Seconds that pass at most between two answers of an API, where one request failed between them."""
PAUSE = 0.5
"""Seconds between an answer and the next question."""
TROUBLE = (Refused, urllib.error.URLError, http.client.HTTPException, OSError, ValueError)

Action = Callable[[OpenStack], Iterator[object]]
"""Yields every answer it got."""


def image_made_and_deleted(user: OpenStack) -> Iterator[object]:
    yield (made := user.create_image("load"))
    yield user.call("DELETE", "image", f"/v2/images/{made}")


def network_made_and_deleted(user: OpenStack) -> Iterator[object]:
    yield (made := user.call("POST", "network", "/v2.0/networks", {"network": {"name": "load"}}))
    yield user.call("DELETE", "network", f"/v2.0/networks/{made['network']['id']}")


def one(ask: Callable[[OpenStack], object]) -> Action:
    """An action that is a single question."""

    def action(user: OpenStack) -> Iterator[object]:
        yield ask(user)

    return action


ACTIONS: Mapping[str, Action] = {
    "token": one(lambda user: user.log_in()),
    "images listed": one(lambda user: user.get("image", "/v2/images")),
    "image made and deleted": image_made_and_deleted,
    "servers listed": one(lambda user: user.get("compute", "/servers/detail")),
    "networks listed": one(lambda user: user.get("network", "/v2.0/networks")),
    "network made and deleted": network_made_and_deleted,
    "resource providers listed": one(lambda user: user.get("placement", "/resource_providers")),
}


@contextlib.contextmanager
def in_use(user: Demo, what: str) -> Iterator[None]:
    """Meanwhile somebody asks for everything and pings a server: gaps are within the limits, the server stays
    the same process and is logged in to. Prints what was noticed of `what`."""
    pid = qemu_pid(user.id)
    with Pings(user.login.address) as pings, Load(user.openstack) as load:
        yield
    print(f"{what}: {pings}\n{load}")
    assert pings.longest_gap <= PING_GAP
    assert {name: gap for name, gap in load.gaps.items() if gap > API_GAP} == {}
    assert qemu_pid(user.id) == pid
    assert user.login.run("hostname").strip() == user.name


@dataclass(frozen=True)
class Failure:
    """A request without a good answer: when it ended by the clock, after how many seconds, and why."""

    at: str
    seconds: float
    why: str

    def __str__(self) -> str:
        return f"{self.at} after {self.seconds:.1f} s: {self.why}"


@dataclass
class Answers:
    """What came of one kind of request."""

    asked: int = 0
    failures: list[Failure] = field(default_factory=list)
    longest_gap: float = 0.0
    """Seconds between the last answer before a failure and the first one after it, at most."""
    longest_wait: float = 0.0
    """Seconds that something that came to a good end took, at most."""
    last: float = field(default_factory=time.monotonic)
    failing: bool = False

    def note(self, failure: str | None, seconds: float) -> None:
        """Another request ended, after so many seconds."""
        self.asked += 1
        if failure is not None:
            self.failures.append(Failure(time.strftime("%T"), seconds, failure))
            self.failing = True
            return
        now = time.monotonic()
        self.longest_wait = max(self.longest_wait, seconds)
        if self.failing:
            self.longest_gap = max(self.longest_gap, now - self.last)
        self.last, self.failing = now, False

    def __str__(self) -> str:
        found = (
            f"{len(self.failures)} of {self.asked} failed, longest gap {self.longest_gap:.1f} s, "
            f"longest wait {self.longest_wait:.1f} s"
        )
        return "\n  ".join([found, *map(str, self.failures)])


class Load:
    """Asks for everything of ACTIONS, or for some of it, each in a thread of its own, while the context
    lasts."""

    def __init__(self, user: OpenStack, actions: Iterable[str] = ACTIONS) -> None:
        self.answers = {name: Answers() for name in actions}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(name, replace(user)), daemon=True)
            for name in self.answers
        ]

    @property
    def gaps(self) -> dict[str, float]:
        """Seconds that each thing was out of reach, at most."""
        return {name: answers.longest_gap for name, answers in self.answers.items()}

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def __str__(self) -> str:
        return "\n".join(f"{name}: {of}" for name, of in self.answers.items())

    def _ask(self, name: str, user: OpenStack) -> None:
        while not self._over.is_set():
            begin = time.monotonic()
            try:
                for _ in ACTIONS[name](user):
                    self.answers[name].note(None, time.monotonic() - begin)
                    begin = time.monotonic()
            except TROUBLE as trouble:
                self.answers[name].note(f"{type(trouble).__name__}: {trouble}", time.monotonic() - begin)
                if isinstance(trouble, Refused) and trouble.status == 401:
                    with contextlib.suppress(*TROUBLE):
                        user.log_in()
            self._over.wait(PAUSE)
