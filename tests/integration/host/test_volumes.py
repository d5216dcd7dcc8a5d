"""Volumes on a real engine."""

from pathlib import Path

from kolla.state.spec import Mount

from .conftest import on_every_engine

pytestmark = on_every_engine


def test_a_volume_keeps_its_first_epoch(host):
    operation = host.volume("data")
    host.do(operation)
    host.do({**operation, "epoch": "another"}, "skipped")
    assert host.observe()["volumes"] == {operation["volume"]: operation["epoch"]}


def test_the_images_content_and_owner_come_into_it(host):
    mount = Mount(type="volume", source=host.name("data"), target="/data")
    host.apply(host.volume("data"), host.container(mounts=(mount,), after=["volume:data@here"]))
    directory = Path(host.engine.api.inspect_volume(host.name("data"))["Mountpoint"])
    assert directory.stat().st_uid == 1234


def test_one_made_anew_behind_our_back_is_seen_and_replaced_while_empty(host):
    operation = host.volume("data")
    host.do(operation)
    host.engine.api.remove_volume(operation["volume"])
    host.engine.api.create_volume(operation["volume"])
    assert host.observe()["volumes"] == {}
    host.do({**operation, "epoch": "second"})
    assert host.observe()["volumes"] == {operation["volume"]: "second"}


def test_somebodys_data_is_not_touched(host):
    operation = host.volume("data")
    host.engine.api.create_volume(operation["volume"])
    try:
        directory = Path(host.engine.api.inspect_volume(operation["volume"])["Mountpoint"])
        (directory / "precious").touch()
        event = host.do(operation, "failed")
        assert "holds data and was not made by this cloud" in event["message"]
        assert (directory / "precious").exists()
    finally:
        host.engine.api.remove_volume(operation["volume"])


def test_a_volume_of_ours_is_blank_until_something_is_in_it(host):
    asked = [host.name("data"), host.name("others")]
    host.do(host.volume("data"))
    host.engine.api.create_volume(host.name("others"))
    try:
        assert host.observe(data=asked)["blank"] == [host.name("data")]
        directory = Path(host.engine.api.inspect_volume(host.name("data"))["Mountpoint"])
        (directory / "rows").write_text("precious")
        assert host.observe(data=asked)["blank"] == []
    finally:
        host.engine.api.remove_volume(host.name("others"))
