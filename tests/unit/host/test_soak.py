"""What a watched container must not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from kolla.host import projection, soak
from kolla.host.cloud import Cloud
from kolla.host.context import Context, Outcome
from kolla.host.errors import OperationFailed

CLOUD = Cloud("c", "1", Path("/nowhere"))
WELL: dict[str, Any] = {
    "Id": "a",
    "Image": "sha256:x",
    "Config": {"Labels": {projection.LABEL_CLOUD: "1"}},
    "Mounts": [],
    "State": {"Running": True, "StartedAt": "2026-11-28T10:00:00", "ExitCode": 0},
}


def state(**changes: Any) -> dict[str, Any]:
    return {**WELL, "State": {**WELL["State"], **changes}}


ENDED = state(Running=False, ExitCode=3)
TROUBLES = {
    "ended with exit status 3": ENDED,
    "ended and was started again": state(StartedAt="2026-11-28T10:00:09"),
    "became unhealthy": state(Health={"Status": "unhealthy"}),
    "was replaced by another one": {**WELL, "Id": "b"},
}


@pytest.mark.parametrize("reason", TROUBLES)
def test_trouble(reason: str) -> None:
    assert soak.trouble(WELL, TROUBLES[reason]) == reason
    assert soak.trouble(WELL, state(Restarting=True)) == "ended and was started again"


@pytest.mark.parametrize("now", [WELL, *(state(Health={"Status": s}) for s in ("healthy", "starting"))])
def test_no_trouble(now: dict[str, Any]) -> None:
    assert soak.trouble(WELL, now) is None


class Seen:
    """An engine that shows one view of a container after the other, the last one for ever."""

    def __init__(self, *views: dict[str, Any] | None) -> None:
        self.views = list(views)
        self.looks = 0

    def inspect(self, name: str) -> dict[str, Any] | None:
        self.looks += 1
        return self.views.pop(0) if len(self.views) > 1 else self.views[0]

    def log(self, name: str, lines: int) -> list[str]:
        return ["out of paper"]


def watch(engine: Seen, seconds: float) -> Outcome:
    context = Context(CLOUD, cast(Any, engine), cast(Any, None), {})
    return soak.perform(cast(Any, {"seconds": seconds, "containers": ["printer"]}), context)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "PAUSE", 0.01)


def test_it_fails_at_once_with_the_last_log_lines() -> None:
    engine = Seen(WELL, WELL, ENDED)
    with pytest.raises(OperationFailed, match="container 'printer' ended with exit status 3") as caught:
        watch(engine, 3600)
    assert (caught.value.log, engine.looks) == (["out of paper"], 3)


def test_what_is_not_there_cannot_be_watched() -> None:
    with pytest.raises(OperationFailed, match="there is no container 'printer'"):
        watch(Seen(None), 1)
    with pytest.raises(OperationFailed, match="there is no container 'printer'"):
        watch(Seen(WELL, WELL, None), 3600)


def test_a_strangers_container_is_not_watched() -> None:
    with pytest.raises(OperationFailed, match="that this cloud did not make"):
        watch(Seen({**WELL, "Config": {"Labels": {}}}), 1)
