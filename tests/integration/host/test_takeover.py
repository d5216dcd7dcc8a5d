"""Taking over what Kolla-Ansible left on a host: its containers, volumes and folders, laid out as it does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from kolla.host import predecessors
from kolla.state.spec import Mount

SERVE = "trap 'exit 0' TERM; while :; do sleep 0.1; done\n"
NEVER = {"command": ["/bin/test", "-e", "/nowhere"], "interval": 30, "timeout": 5, "retries": 3}


class Predecessor:
    """A cloud that the other tool made: containers with its label, volumes without any."""

    def __init__(self, host: Any) -> None:
        self.host, self.engine = host, host.engine.api
        self.made: list[str] = []

    def volume(self, noun: str, **files: str) -> Path:
        """A volume with files of root's in it; where it is on this machine."""
        name = self.host.name(noun)
        self.engine.create_volume(name)
        directory = Path(self.engine.inspect_volume(name)["Mountpoint"])
        for file, text in files.items():
            (directory / file).write_text(text)
        return directory

    def container(
        self, noun: str, volumes: dict[str, str] | None = None, run: str = SERVE, **labels: str
    ) -> None:
        """A running container, its configuration where that tool keeps it as well."""
        folder = Path(self.host.directory, "etc", noun)
        folder.mkdir(parents=True)
        (folder / "run").write_text(SERVE)
        binds = [f"{folder}:/config:ro", *(f"{self.host.name(v)}:{t}" for v, t in (volumes or {}).items())]
        self.engine.create_container(
            self.host.image,
            name=self.host.name(noun),
            labels=labels or {predecessors.LABEL: "22.2.0"},
            host_config=self.engine.create_host_config(binds=binds, network_mode="host"),
        )
        self.engine.start(self.host.name(noun))
        self.made.append(noun)

    def is_running(self, noun: str) -> bool:
        """Whether a container of that tool runs under its own name."""
        with contextlib.suppress(NotFound):
            found = self.engine.inspect_container(self.host.name(noun))
            return predecessors.LABEL in found["Config"]["Labels"] and bool(found["State"]["Running"])
        return False

    def clean(self) -> None:
        for noun in self.made:
            for name in (self.host.name(noun), self.host.name(noun) + predecessors.ASIDE):
                with contextlib.suppress(NotFound):
                    self.engine.remove_container(name, force=True)
        self.host.clean()
        for volume in self.engine.volumes()["Volumes"] or ():
            if volume["Name"].startswith(self.host.name("")):
                self.engine.remove_volume(volume["Name"])


@pytest.fixture
def theirs(host: Any) -> Iterator[Predecessor]:
    """A host on which that tool's cloud has a database."""
    cloud = Predecessor(host)
    cloud.volume("data", rows="precious\n")
    cloud.container("web", {"data": "/data"})
    yield cloud
    cloud.clean()


def data(host: Any) -> Mount:
    return Mount(type="volume", source=host.name("data"), target="/data")


def takeover(host: Any, *replaces: str, **changes: Any) -> dict[str, Any]:
    """Our container in the place of those, on the data of theirs."""
    changes = {"mounts": (data(host),), "run": SERVE + "# ours\n", **changes}
    names = [host.name(noun) for noun in replaces or ("web",)]
    operation: dict[str, Any] = host.container(action="adopt", replaces=names, **changes)
    return operation


def adopt_volume(host: Any, **changes: Any) -> dict[str, Any]:
    operation: dict[str, Any] = host.volume("data", adopt=True, **changes)
    return operation


def table(host: Any) -> Path:
    found = host.engine.api.inspect_volume(host.name("data"))
    return Path(found["Mountpoint"]) / "rows"


def rows(host: Any) -> str:
    return table(host).read_text()


def test_what_is_there_is_seen(host: Any, theirs: Predecessor) -> None:
    state = host.observe(volumes=[host.name("data"), host.name("other")])
    assert host.name("web") in state["predecessors"]
    assert state["unclaimed"] == [host.name("data")]
    assert state["volumes"] == {}


def test_container_folder_and_data_become_ours(host: Any, theirs: Predecessor) -> None:
    volume = adopt_volume(host, owner=1234)
    host.do(volume)
    assert theirs.is_running("web"), "taking over a volume stops nothing"
    operation = takeover(host)
    assert host.do(operation)["message"] == f"took the place of {host.name('web')}"
    assert host.containers() == ["web"]
    assert host.inspect("web")["State"]["Running"]
    assert rows(host) == "precious\n"
    assert table(host).stat().st_uid == 1234
    state = host.observe(volumes=[host.name("data")])
    assert state["volumes"] == {host.name("data"): volume["epoch"]}
    assert (state["unclaimed"], host.name("web") in state["predecessors"]) == ([], False)
    # Afterwards it is a container like any other.
    host.do({**operation, "replaces": []}, "skipped")
    host.do(volume, "skipped")


@pytest.mark.parametrize("how", ["it never becomes ready", "it cannot even be made"])
def test_what_does_not_become_ready_gives_way_again(host: Any, theirs: Predecessor, how: str) -> None:
    theirs.container("proxy")
    host.do(adopt_volume(host))
    broken = {"run": "exit 7\n"} if how == "it never becomes ready" else {"image": "sha256:" + "0" * 64}
    event = host.do(takeover(host, "web", "proxy", **broken), "failed")
    assert f"what it was to replace runs again: {host.name('web')}, {host.name('proxy')}" in event["message"]
    assert theirs.is_running("web") and theirs.is_running("proxy")
    assert Path(host.directory, "etc/web/run").read_text() == SERVE, "its own configuration is back"
    assert rows(host) == "precious\n"
    assert host.containers() == []
    # Nothing of the failure is in the way of a second try.
    host.do(takeover(host, "web", "proxy"))
    assert not theirs.is_running("proxy") and host.containers() == ["web"]


def test_several_make_way_for_one_of_another_name(host: Any, theirs: Predecessor) -> None:
    theirs.container("proxy")
    host.do(adopt_volume(host))
    operation = host.container("front", replaces=[host.name("web"), host.name("proxy")], run=SERVE)
    host.do(operation)
    assert host.containers() == ["front"]
    assert not theirs.is_running("web") and not theirs.is_running("proxy")


def test_a_run_killed_half_way_is_completed_by_the_next(host: Any, theirs: Predecessor) -> None:
    host.do(adopt_volume(host))
    slow = takeover(host, run="sleep 60\n", health=None, start_timeout=60)
    slow["spec"]["health"] = NEVER
    begun = host.begin(slow)
    aside = host.name("web") + predecessors.ASIDE
    host.wait_for(lambda: any(f"/{aside}" in c["Names"] for c in host.engine.api.containers(all=True)))
    host.wait_for(lambda: host.containers() == ["web"])
    host.kill(begun)
    state = host.observe(volumes=[host.name("data")])
    assert host.name("web") in state["predecessors"], "the next plan wants to take it over again"
    host.do(takeover(host))
    assert host.containers() == ["web"]
    assert not any(f"/{aside}" in c["Names"] for c in host.engine.api.containers(all=True))
    assert rows(host) == "precious\n"


def test_strangers_and_other_clouds_are_left_alone(host: Any, theirs: Predecessor) -> None:
    theirs.container("stranger", **{"made.by": "hand"})
    assert host.name("stranger") not in host.observe()["predecessors"]
    operation = host.container("stranger", replaces=[host.name("stranger")], run=SERVE)
    assert "that this cloud did not make" in host.do(operation, "failed")["message"]
    assert host.inspect("stranger")["State"]["Running"]

    host.engine.api.create_volume(host.name("others"), labels={"kolla.cloud": "another"})
    assert host.observe(volumes=[host.name("others")])["unclaimed"] == []
    event = host.do(host.volume("others", adopt=True), "failed")
    assert "belongs to another cloud" in event["message"]


def test_a_volume_made_anew_under_an_adopted_name_is_not_ours(host: Any, theirs: Predecessor) -> None:
    host.do(adopt_volume(host))
    host.engine.api.remove_container(host.name("web"), force=True)
    host.engine.api.remove_volume(host.name("data"))
    theirs.volume("data", rows="somebody's")
    assert host.observe()["volumes"] == {}
    assert "was not made by this cloud" in host.do(takeover(host), "failed")["message"]


def test_destroy_knows_what_was_taken_over(host: Any, theirs: Predecessor) -> None:
    host.do(adopt_volume(host))
    host.do(takeover(host))
    kept = host.ask("destroy", volumes=False, images=False, purge=False)["kept"]
    assert f"volume {host.name('data')}" in kept
    assert rows(host) == "precious\n"
    assert list(host.observe()["volumes"]) == [host.name("data")], "it is still ours"
    assert (
        f"removed volume {host.name('data')}"
        in (host.ask("destroy", volumes=True, images=False, purge=False)["changes"])
    )
    with pytest.raises(docker.errors.NotFound):
        host.engine.api.inspect_volume(host.name("data"))


def test_units_of_systemd_go_and_come_with_their_containers(
    host: Any, theirs: Predecessor, tmp_path: Path
) -> None:
    """A stand-in for systemctl writes down what it is asked; starting is left to it, as on a real host."""
    units = predecessors.UNITS
    unit = units / f"kolla-{host.name('web')}-container.service"
    asked = tmp_path / "asked"
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
    program.chmod(0o755)
    host.environment["PATH"] = f"{program.parent}:{host.environment['PATH']}"
    units.mkdir(parents=True, exist_ok=True)
    unit.write_text("[Unit]\n")
    try:
        host.do(adopt_volume(host))
        host.do(takeover(host, run="exit 7\n"), "failed")
        assert asked.read_text().splitlines() == [f"disable --now {unit.name}", f"enable --now {unit.name}"]
        asked.unlink()
        host.do(takeover(host))
        assert asked.read_text().splitlines()[-1] == "daemon-reload"
        assert not unit.exists()
    finally:
        unit.unlink(missing_ok=True)
