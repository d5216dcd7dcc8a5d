"""What a host keeps of the changes that touched it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kolla.host import lock, revisions
from kolla.host.cloud import Cloud
from kolla.host.following import release


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    found = Cloud("c", "id", tmp_path / "c")
    monkeypatch.setattr(Cloud, "of", lambda request: found)
    return found


def note(number: int, minute: int, *, keep: int = 10, result: str = "done") -> dict[str, Any]:
    started = f"2026-11-29T14:{minute:02}:00.5Z"
    return {"revision": {"number": number, "started": started, "result": result}, "keep": keep}


def kept() -> list[tuple[int, str]]:
    return [(document["number"], document["result"]) for document in revisions.revisions({})["revisions"]]


def test_nothing_is_kept_of_nothing(cloud: Cloud) -> None:
    assert kept() == []


def test_what_came_of_a_change_takes_the_place_of_its_beginning(cloud: Cloud) -> None:
    revisions.keep(cloud, note(1, 0))
    revisions.keep(cloud, note(2, 1, result="in progress"))
    assert kept() == [(1, "done"), (2, "in progress")]
    os.close(lock.take(cloud, "run", {"user": "ann"}, 0))
    release({"run": "run", "note": note(2, 1, result="failed")})
    assert kept() == [(1, "done"), (2, "failed")]
    assert lock.read(cloud) is None


def test_the_newest_stay_also_when_somebody_begins_to_count_again(cloud: Cloud) -> None:
    for number in (8, 9, 10):
        revisions.keep(cloud, note(number, number, keep=3))
    revisions.keep(cloud, note(1, 30, keep=3))
    assert kept() == [(9, "done"), (10, "done"), (1, "done")]
