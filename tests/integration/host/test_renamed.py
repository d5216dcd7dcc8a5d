"""Containers and volumes that a new catalogue renames, on a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kolla.state.spec import Mount

SERVE = "trap 'exit 0' TERM; while :; do sleep 0.1; done\n"
WRITES = "echo written by the new one > /data/rows; exit 7\n"


def mount(host: Any, noun: str) -> Mount:
    return Mount(type="volume", source=host.name(noun), target="/data")


def directory(host: Any, noun: str) -> Path:
    return Path(host.engine.api.inspect_volume(host.name(noun))["Mountpoint"])


@pytest.fixture
def before(host: Any) -> dict[str, Any]:
    """A container with data in a volume, as the earlier catalogue has them; the volume's operation."""
    volume: dict[str, Any] = host.volume("data")
    host.do(volume)
    (directory(host, "data") / "rows").write_text("precious\n")
    host.do(host.container("web", mounts=(mount(host, "data"),)))
    return volume


def copy(host: Any, before: dict[str, Any]) -> dict[str, Any]:
    names = {"source": host.name("data"), "stops": [host.name("web")]}
    operation: dict[str, Any] = host.volume("store", epoch=before["epoch"], **names)
    return operation


def runs(host: Any, noun: str) -> bool:
    return bool(host.inspect(noun)["State"]["Running"])


def test_a_renamed_volume_has_what_was_in_it_and_the_earlier_one_stays(host: Any, before: Any) -> None:
    owner = directory(host, "data").stat()
    event = host.do(copy(host, before))
    assert "copied 1 files" in event["message"]
    assert not runs(host, "web"), "it would go on writing to the earlier one"
    assert (directory(host, "store") / "rows").read_text() == "precious\n"
    assert (directory(host, "store").stat().st_uid, directory(host, "store").stat().st_mode) == (
        owner.st_uid,
        owner.st_mode,
    )
    state = host.observe()
    assert state["volumes"] == dict.fromkeys((host.name("data"), host.name("store")), before["epoch"])
    assert state["copies"] == {host.name("store"): host.name("data")}
    host.do(host.container("web", mounts=(mount(host, "store"),), generation=2))
    assert runs(host, "web")
    host.do(copy(host, before), "skipped")
    assert (directory(host, "data") / "rows").read_text() == "precious\n"


def test_a_volume_that_others_use_is_not_copied(host: Any, before: Any) -> None:
    host.do(host.container("other", mounts=(mount(host, "data"),)))
    event = host.do(copy(host, before), "failed")
    assert f"while it is used: {host.name('other')}" in event["message"]
    assert runs(host, "web"), "what was stopped for it runs again"


def test_a_new_one_that_does_not_become_ready_leaves_no_stale_copy(host: Any, before: Any) -> None:
    host.do(copy(host, before))
    host.do(host.container("web", mounts=(mount(host, "store"),), run=WRITES, generation=2), "failed")
    assert runs(host, "web")
    assert host.observe()["volumes"] == {host.name("data"): before["epoch"], host.name("store"): None}
    (directory(host, "data") / "rows").write_text("written since\n")
    host.do(copy(host, before))
    assert (directory(host, "store") / "rows").read_text() == "written since\n"


def renamed(host: Any, **changes: Any) -> dict[str, Any]:
    changes = {"action": "adopt", "replaces": [host.name("web")], "generation": 2, **changes}
    operation: dict[str, Any] = host.container("front", mounts=(mount(host, "store"),), **changes)
    return operation


def test_a_container_of_another_name_takes_the_place_of_ours(host: Any, before: Any) -> None:
    folder = Path(host.directory, "etc", "web")
    host.do(copy(host, before))
    host.do(renamed(host))
    assert host.containers() == ["front"]
    assert runs(host, "front")
    assert not folder.exists()
    assert host.observe()["containers"].keys() == {host.name("front")}
    host.do(renamed(host, replaces=[]), "skipped")


def test_ours_of_the_earlier_name_runs_again_when_it_does_not_become_ready(host: Any, before: Any) -> None:
    host.do(copy(host, before))
    event = host.do(renamed(host, run=WRITES), "failed")
    assert f"what it was to replace runs again: {host.name('web')}" in event["message"]
    assert host.containers() == ["web"]
    assert runs(host, "web")
    assert (directory(host, "data") / "rows").read_text() == "precious\n"
    assert host.observe()["volumes"][host.name("store")] is None
    host.do(copy(host, before))
    host.do(renamed(host))
    assert host.containers() == ["front"]
    assert (directory(host, "store") / "rows").read_text() == "precious\n"


def test_a_run_killed_half_way_is_completed_by_the_next(host: Any, before: Any) -> None:
    host.do(copy(host, before))
    never = {"command": ["/bin/test", "-e", "/nowhere"], "interval": 30, "timeout": 5, "retries": 3}
    slow = renamed(host, run="sleep 60\n", start_timeout=60)
    slow["spec"]["health"] = never
    begun = host.begin(slow)
    host.wait_for(lambda: "front" in host.containers())
    host.kill(begun)
    assert host.name("web") in host.observe()["containers"], "the next plan has it make way again"
    host.do(renamed(host))
    assert host.containers() == ["front"]


def test_destroy_takes_both_volumes(host: Any, before: Any) -> None:
    host.do(copy(host, before))
    host.do(renamed(host))
    host.ask("destroy", volumes=True, images=False, purge=False)
    assert host.observe()["volumes"] == {}
