"""What `kolla status` says of containers that are not as they were made."""

from __future__ import annotations

from typing import Any

from world import World

from kolla.secret import Secret
from kolla.state import status
from kolla.state.host_state import ObservedFile


def row(world: World, name: str) -> dict[str, Any]:
    (found,) = (r for r in status.rows(world.desired, world.states) if r.get("container") == name)
    return found


def change(world: World, name: str, **changes: Any) -> None:
    state = world.states["one"]
    containers = {**state.containers, name: state.containers[name].model_copy(update=changes)}
    world.states["one"] = state.model_copy(update={"containers": containers})


def edit(world: World, old: str, new: str) -> None:
    """Edit keystone.conf where the host keeps it."""
    state = world.states["one"]
    folder = world.states["one"].containers["keystone"].folder
    file = state.folders[folder]["keystone.conf"]
    assert file.content is not None
    text = file.content.reveal().replace(old, new)
    edited = ObservedFile(sha256="0" * 64, mode=file.mode, content=Secret(text))
    folders = {**state.folders, folder: {**state.folders[folder], "keystone.conf": edited}}
    world.states["one"] = state.model_copy(update={"folders": folders})


def test_nothing_is_said_of_what_is_as_it_was_made(deployed: World) -> None:
    assert {r["note"] for r in status.rows(deployed.desired, deployed.states)} == {""}


def test_an_edited_file_is_told(deployed: World) -> None:
    edit(deployed, "expiration = 3600", "expiration = 5")
    assert row(deployed, "keystone")["note"].startswith(
        "changed on the host: keystone.conf: [token] expiration 5 -> 3600"
    )


def test_a_container_made_anew_by_hand_is_told(deployed: World) -> None:
    spec = deployed.states["one"].containers["memcached"].spec
    change(deployed, "memcached", spec={**spec, "restart_policy": "no"})
    assert row(deployed, "memcached")["note"] == "changed on the host: restart_policy: no -> unless-stopped"


def test_a_change_of_the_settings_is_none_of_the_host(deployed: World) -> None:
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    deployed.image_ids["memcached"] = "sha256:other"
    assert (row(deployed, "keystone")["note"], row(deployed, "memcached")["note"]) == ("", "")


def test_an_edited_file_is_told_while_a_change_of_the_settings_waits(deployed: World) -> None:
    edit(deployed, "expiration = 3600", "expiration = 5")
    deployed.override("keystone.conf", "[token]\nexpiration = 7200\n")
    assert row(deployed, "keystone")["note"] == "changed on the host: files of /etc/kolla/keystone"


def test_what_is_stopped_renamed_or_gone_is_told(deployed: World) -> None:
    change(deployed, "keystone", state="exited")
    state = deployed.states["one"]
    containers = {n: c for n, c in state.containers.items() if n not in ("memcached", "rabbitmq")}
    containers["rabbit"] = state.containers["rabbitmq"].model_copy(update={"name": "rabbit"})
    deployed.states["one"] = state.model_copy(update={"containers": containers})
    assert row(deployed, "keystone")["state"] == "exited"
    assert row(deployed, "memcached")["state"] == "missing"
    assert row(deployed, "rabbitmq")["note"] == "it is called rabbit now"
    assert row(deployed, "rabbit")["note"] == "not wanted"


def test_many_changes_do_not_fill_the_table(deployed: World) -> None:
    spec = deployed.states["one"].containers["memcached"].spec
    environment = {**spec["environment"], **{f"BY_HAND_{number}": "x" for number in range(9)}}
    change(deployed, "memcached", spec={**spec, "environment": environment})
    note = row(deployed, "memcached")["note"]
    assert note.count("BY_HAND") == 3
    assert note.endswith("; 6 more: kolla plan")
