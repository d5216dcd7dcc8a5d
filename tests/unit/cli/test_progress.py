import io
import re
import threading

import pytest
from rich.console import Console

from kolla.cli.progress import MOST_SHOWN, Live, Plain, Tally, display
from kolla.events import Event


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def deploy(status, subject="", **more):
    return Event("deploy", status, subject, **more)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def plain(clock):
    """Plain lines without their time of day."""
    stream = io.StringIO()
    listener = Plain(stream, clock)

    def after(*events):
        for event in events:
            listener(event)
            clock.now += 2
        return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in stream.getvalue().splitlines()]

    return after


def test_plain_says_each_event_on_a_line(plain):
    assert plain(
        deploy("started", total=2),
        deploy("started", "container:a@h", host="h"),
        deploy("done", "container:a@h", host="h", seconds=4.2),
        deploy("skipped", "job:b@h", host="h"),
        deploy("done"),
    ) == [
        "deploy started (2)",
        "deploy h container:a@h started",
        "deploy h container:a@h done 4.2s",
        "deploy h job:b@h skipped",
        "deploy done 8.0s",
    ]


def test_plain_shows_the_log_of_a_failure(plain):
    event = deploy(
        "failed", "job:b@h", host="h", seconds=1, message="exit status 1", log=("no database", "bye")
    )
    assert plain(event) == ["deploy h job:b@h failed 1.0s: exit status 1", "    | no database", "    | bye"]


def test_plain_has_the_time_of_day(clock):
    stream = io.StringIO()
    Plain(stream, clock)(deploy("started"))
    assert re.fullmatch(r"\d\d:\d\d:\d\d deploy started\n", stream.getvalue())


def test_plain_keeps_lines_whole_whoever_writes():
    stream = io.StringIO()
    listener = Plain(stream)
    threads = [
        threading.Thread(target=lambda: [listener(deploy("started", "s")) for _ in range(100)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 400
    assert all(line.endswith(" deploy s started") for line in lines)


def test_tally_counts_what_ended_and_starts_anew_with_each_phase():
    tally = Tally()
    tally.take(Event("build", "started", total=9), 0)
    tally.take(Event("build", "failed", "x"), 1)
    tally.take(deploy("started", total=3), 10)
    tally.take(deploy("started", "a"), 11)
    tally.take(deploy("started", "b"), 12)
    assert tally.take(deploy("failed", "a"), 14) == 3
    assert set(tally.running) == {("deploy", "", "b")}
    assert tally.headline(20) == "deploy 1/3, 1 failed, 10.0s"
    assert tally.take(deploy("failed"), 30) == 20
    assert not tally.running


def test_a_phase_nobody_announced_begins_with_its_first_event():
    tally = Tally()
    tally.take(Event("build", "started", total=2), 0)
    tally.take(deploy("started", "a"), 5)
    tally.take(deploy("done", "b"), 6)
    assert tally.headline(7) == "deploy, 2.0s"
    assert set(tally.running) == {("deploy", "", "a")}


def screen(listener, width=60):
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(listener.picture())
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def live(clock):
    return Live(Console(width=60, file=io.StringIO(), color_system=None), clock)


def test_live_shows_what_runs_and_for_how_long(live, clock):
    live(deploy("started", total=7))
    live(deploy("started", "container:a@h", host="h"))
    clock.now += 65
    headline, running = screen(live)
    assert headline[2:] == "deploy 0/7, 1m05s"
    assert running == "  h  container:a@h  1m05s"


def test_live_shows_only_as_much_as_fits(live):
    live(deploy("started", total=50))
    for number in range(50):
        live(deploy("started", f"container:{number}@h"))
    assert len(screen(live)) == 1 + MOST_SHOWN + 1
    assert screen(live)[-1] == f"  and {50 - MOST_SHOWN} more"


def test_live_keeps_failures_and_the_ends_of_phases_on_the_screen(live, clock):
    live(deploy("started", total=2))
    live(deploy("done", "container:a@h", seconds=1))
    live(deploy("failed", "job:b@h", host="h", seconds=2, message="exit status 1", log=("no [database]",)))
    clock.now += 9
    live(deploy("failed"))
    assert live._console.file.getvalue().splitlines() == [
        " failed deploy h job:b@h  2.0s  exit status 1",
        "        | no [database]",
        " failed deploy  9.0s",
    ]


def test_live_keeps_remarks_on_the_screen(live):
    live(Event("stop", "started", message="waiting for the hosts"))
    assert live._console.file.getvalue() == "started stop  waiting for the hosts\n"


def test_live_is_empty_before_anything_began(live):
    assert screen(live) == [""]


def test_no_terminal_means_plain_lines():
    with display() as listener:
        assert isinstance(listener, Plain)
