"""What podman is asked, and what it shows, in Docker's words."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from kolla.host import podman, projection
from kolla.host.errors import OperationFailed
from kolla.host.podman import Podman
from kolla.state.spec import ContainerSpec, Mount

from .test_projection import specs

Json = dict[str, Any]


def shown(spec: ContainerSpec) -> Json:
    """What podman 5.4.2 was seen to show of a container that was asked for like this."""
    asked = podman.creation(spec.name, projection.payload(spec.model_dump(mode="json"), {}))
    mounts = [
        {
            "Type": "bind",
            "Source": each["source"],
            "Destination": each["destination"],
            "Options": ["rbind"],
            "RW": "ro" not in each["options"],
            "Propagation": each["options"][-1],
        }
        for each in asked["mounts"]
        if each["type"] == "bind"
    ]
    mounts += [
        {
            "Type": "volume",
            "Name": each["Name"],
            "Source": f"/var/lib/containers/storage/volumes/{each['Name']}/_data",
            "Destination": each["Dest"],
            "RW": "ro" not in each["Options"],
            "Propagation": "rprivate",
        }
        for each in asked["volumes"]
    ]
    tmpfs = [each["destination"] for each in asked["mounts"] if each["type"] == "tmpfs"]
    variables = {**asked["env"], "container": "podman", "HOSTNAME": "node1"} | {
        name: asked["env"][name] for name in ("container", "HOSTNAME") if name in asked["env"]
    }
    options = [f"{name.rpartition('.')[2]}={value}" for name, value in asked["annotations"].items()]
    options += ["no-new-privileges"] if asked["no_new_privileges"] else []
    options += ["unmask=all"] if asked["unmask"] else []
    return {
        "Name": asked["name"],
        "Image": asked["image"].removeprefix("sha256:"),
        "BoundingCaps": [f"CAP_{name}" for name in asked["cap_add"]] or None,
        "Mounts": mounts,
        "State": {
            "Status": "running",
            "Running": True,
            "Restarting": False,
            "StartedAt": "2026-11-30T01:09:52.189836198Z",
            "Health": None,
        },
        "Config": {
            "Labels": asked["labels"],
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "StopTimeout": asked["stop_timeout"],
            "Healthcheck": asked["healthconfig"],
        },
        "HostConfig": {
            "NetworkMode": asked["netns"]["nsmode"],
            "PidMode": asked["pidns"]["nsmode"],
            "CgroupMode": asked["cgroupns"]["nsmode"],
            "Devices": [
                {"PathOnHost": each["path"], "PathInContainer": each["path"], "CgroupPermissions": ""}
                for each in asked["devices"]
            ],
            "CapAdd": ["CAP_NET_ADMIN"],
            "CapDrop": ["CAP_FOWNER"],
            "SecurityOpt": options,
            "RestartPolicy": {"Name": asked["restart_policy"], "MaximumRetryCount": 0},
            "Binds": ["what podman/shows/here:has no other:rw"],
            "Tmpfs": dict.fromkeys(tmpfs, "rw,rprivate,nosuid,nodev"),
        },
    }


def seen(found: Json) -> Any:
    return projection.project(podman.inspection(found), None)


@given(specs)
def test_what_it_shows_is_what_was_asked(spec):
    assert seen(shown(spec)) == spec.model_dump(mode="json")


def test_volumes_and_temporary_file_systems():
    mounts = (
        Mount(type="volume", source="data", target="/data"),
        Mount(type="tmpfs", target="/run"),
        Mount(type="volume", source="more", target="/var/lib", read_only=True),
    )
    spec = ContainerSpec(name="x", image="sha256:i", mounts=mounts)
    found = shown(spec)
    found["Mounts"].append({**found["Mounts"][0], "Name": "0" * 64, "Destination": "/of/the/image"})
    assert seen(found) == spec.model_dump(mode="json")


def test_no_limit_of_processes_and_one_of_the_log():
    asked = podman.creation("x", projection.payload(ContainerSpec(name="x", image="i").model_dump(), {}))
    assert asked["resource_limits"] == {"pids": {"limit": 0}}
    assert asked["log_configuration"] == {"driver": "k8s-file", "size": 10485760}


HAND_MADE: dict[str, tuple[str, str, Any]] = {
    "privileged": ("HostConfig", "Privileged", True),
    "pid": ("HostConfig", "PidMode", "host"),
    "cgroup": ("HostConfig", "CgroupMode", "host"),
    "network": ("HostConfig", "NetworkMode", "bridge"),
    "seccomp": ("HostConfig", "SecurityOpt", ["no-new-privileges", "seccomp=unconfined"]),
    "nothing hidden": ("HostConfig", "SecurityOpt", ["no-new-privileges", "unmask=all"]),
    "tmpfs": ("HostConfig", "Tmpfs", {"/t": ""}),
    "restart": ("HostConfig", "RestartPolicy", {"Name": "on-failure"}),
    "environment": ("Config", "Env", ["A=1"]),
}


@pytest.mark.parametrize("change", HAND_MADE)
def test_what_was_changed_by_hand_differs(change):
    spec = ContainerSpec(name="x", image="sha256:i")
    found = copy.deepcopy(shown(spec))
    part, key, value = HAND_MADE[change]
    found[part][key] = value
    assert seen(found) != spec.model_dump(mode="json")


def test_capabilities_are_those_it_has():
    spec = ContainerSpec(name="x", image="sha256:i")
    found = shown(spec)
    found["BoundingCaps"] = ["CAP_SYS_ADMIN"]
    assert seen(found)["capabilities"] == ["SYS_ADMIN"]


STATES = {
    ("configured", "always", False): "created",
    ("initialized", "always", False): "created",
    ("running", "always", False): "running",
    ("exited", "always", False): "exited",
    ("stopping", "always", True): "running",
    # It ended by itself, and podman is about to start it again; to others that is not the end of it.
    ("stopped", "always", False): "restarting",
    ("stopped", "always", True): "exited",
    ("stopped", "no", False): "exited",
}


@pytest.mark.parametrize(("status", "policy", "by_user"), STATES)
def test_states_have_dockers_names(status, policy, by_user):
    found = shown(ContainerSpec(name="x", image="sha256:i"))
    found["State"] |= {"Status": status, "Running": status == "running", "StoppedByUser": by_user}
    found["HostConfig"]["RestartPolicy"]["Name"] = policy
    state, expected = podman.inspection(found)["State"], STATES[status, policy, by_user]
    assert state["Status"] == expected
    # What Docker says besides of one that is about to start again.
    assert state["Restarting"] == (expected == "restarting")
    assert state["Running"] == (status == "running" or expected == "restarting")


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-11-30T01:09:52.189836198Z", "2026-11-30T01:09:52.189836198Z"),
        ("2026-11-30T01:09:52.189836198+02:00", "2026-11-29T23:09:52.189836198Z"),
        ("2026-11-29T20:09:52-05:00", "2026-11-30T01:09:52Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_moments_are_told_in_utc(told, moment):
    found = shown(ContainerSpec(name="x", image="sha256:i"))
    found["State"]["StartedAt"] = told
    assert podman.inspection(found)["State"]["StartedAt"] == moment


def test_a_check_that_nobody_asked_for_says_nothing():
    found = shown(ContainerSpec(name="x", image="sha256:i"))
    found["State"]["Health"] = {"Status": "", "FailingStreak": 0, "Log": None}
    assert podman.inspection(found)["State"]["Health"] is None
    found["State"]["Health"] = {"Status": "unhealthy", "FailingStreak": 3, "Log": []}
    assert podman.inspection(found)["State"]["Health"]["Status"] == "unhealthy"


class Container:
    """An engine's client of a podman that has one container: paused, or between an end and the next start."""

    base_url = "http+docker://localhost"

    def __init__(self, *, paused: bool = False, looks: int = 0) -> None:
        """`looks`: so often it is seen to be about to start."""
        self.paused = paused
        self.looks = looks
        self.runs = not looks
        self.done: list[str] = []

    def _get(self, url: str) -> Any:
        found = shown(ContainerSpec(name="web", image="sha256:i"))
        if self.looks:
            self.looks -= 1
            found["State"] |= {"Status": "stopped", "Running": False}
            self.runs = not self.looks
        elif not self.runs:
            found["State"] |= {"Status": "exited", "Running": False, "StoppedByUser": True}
        found["State"]["Paused"] = self.paused
        return SimpleNamespace(json=lambda: found)

    def _raise_for_status(self, answer: Any) -> None:
        pass

    def unpause(self, name: str) -> None:
        self.paused = False
        self.done.append(f"unpause {name}")

    def stop(self, name: str, timeout: int) -> None:
        assert not self.paused
        self.done.append(f"stop {name} {timeout}" if self.runs else "nothing to stop")
        self.runs = False

    def restart(self, name: str, timeout: int) -> None:
        assert not self.paused
        self.done.append(f"restart {name} {timeout}")


def test_a_paused_container_is_woken_before_it_is_stopped():
    client: Any = Container(paused=True)
    Podman("podman", client, "5.4.2").stop("web")
    assert client.done == ["unpause web", "stop web 10"]
    client = Container(paused=True)
    Podman("podman", client, "5.4.2").restart("web", 3)
    assert client.done == ["unpause web", "restart web 3"]
    client = Container()
    Podman("podman", client, "5.4.2").stop("web", 5)
    assert client.done == ["stop web 5"]


def test_one_that_is_about_to_start_again_is_stopped_once_it_runs():
    client: Any = Container(looks=3)
    Podman("podman", client, "5.4.2").stop("web", 5)
    assert client.done == ["nothing to stop", "nothing to stop", "stop web 5"]
    assert not client.runs


def test_one_that_does_not_stay_stopped(monkeypatch):
    monkeypatch.setattr(podman, "PATIENCE", 0)
    client: Any = Container(looks=3)
    with pytest.raises(OperationFailed) as failed:
        Podman("podman", client, "5.4.2").stop("web", 5)
    assert str(failed.value) == "container 'web' was stopped, and podman starts it again"
