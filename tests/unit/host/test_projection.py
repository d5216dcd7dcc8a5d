"""A spec in the engine's words and back."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.host import projection
from kolla.state.spec import SPEC_VERSION, ContainerSpec, HealthCheck, Mount

words = st.text(st.characters(codec="ascii", exclude_characters=":,=\0", categories=("L", "N")), min_size=1)
mounts = st.builds(
    Mount,
    type=st.just("bind"),
    source=words.map(lambda word: f"/{word}"),
    target=words.map(lambda word: f"/{word}"),
    read_only=st.booleans(),
    propagation=st.sampled_from(["private", "shared", "slave"]),
)
checks = st.builds(
    HealthCheck,
    command=st.lists(words, min_size=1).map(tuple),
    interval=st.integers(1, 3600),
    timeout=st.integers(1, 3600),
    retries=st.integers(1, 99),
)
specs = st.builds(
    ContainerSpec,
    name=words,
    image=words.map(lambda word: f"sha256:{word}"),
    environment=st.dictionaries(words, st.text(max_size=20)),
    mounts=st.lists(mounts, unique_by=lambda mount: mount.target).map(
        lambda found: tuple(sorted(found, key=lambda mount: mount.target))
    ),
    pid_mode=st.sampled_from(["", "host"]),
    cgroup_mode=st.sampled_from(["private", "host"]),
    devices=st.sets(words.map(lambda word: f"/dev/{word}")).map(lambda found: tuple(sorted(found))),
    security_options=st.sets(
        st.sampled_from(["apparmor=unconfined", "no-new-privileges", "systempaths=unconfined"])
    ).map(lambda found: tuple(sorted(found))),
    capabilities=st.sets(st.sampled_from(["CHOWN", "KILL", "NET_ADMIN"])).map(lambda s: tuple(sorted(s))),
    restart_policy=st.sampled_from(["unless-stopped", "no"]),
    stop_timeout=st.integers(0, 600),
    health=st.none() | checks,
)


def inspected(spec: ContainerSpec, image: dict[str, str]) -> dict[str, Any]:
    """What an engine that adds nothing but the image's environment shows of a container made so."""
    body = projection.payload(spec.model_dump(mode="json"), {})
    environment = {**image, **spec.environment}
    config = {key: body[key] for key in ("Labels", "StopTimeout", "Healthcheck")}
    return {
        "Name": f"/{spec.name}",
        "Image": spec.image,
        "Config": {**config, "Env": [f"{name}={value}" for name, value in environment.items()]},
        "HostConfig": body["HostConfig"],
    }


@given(specs, st.dictionaries(words, st.text(max_size=20)))
def test_projection_is_the_inverse_of_payload(spec, environment):
    image = {"Config": {"Env": [f"{name}={value}" for name, value in environment.items()]}}
    assert projection.project(inspected(spec, environment), image) == spec.model_dump(mode="json")


@given(specs)
def test_the_digest_is_the_controllers(spec):
    assert projection.digest(spec.model_dump(mode="json")) == spec.digest
    assert projection.SPEC_VERSION == SPEC_VERSION


def test_the_payload_holds_nothing_the_digest_does_not_know():
    body = projection.payload(ContainerSpec(name="x", image="i").model_dump(mode="json"), {"a": "b"})
    assert body["HostConfig"]["CapDrop"] == ["ALL"]
    assert body["Labels"]["a"] == "b"
    assert body["Healthcheck"] == {"Test": ["NONE"]}


WORDINGS: dict[str, dict[str, Any]] = {
    "names in full": {"CapAdd": ["CAP_CHOWN"], "CapDrop": ["CAP_ALL"]},
    "null for nothing": {"SecurityOpt": None, "Mounts": None, "Binds": None, "Tmpfs": None},
    "left out": {"Privileged": False, "PidMode": "", "Devices": None},
    "engine 20.10": {"MaskedPaths": ["/proc/keys"], "ReadonlyPaths": ["/proc/sys"]},
}


@pytest.mark.parametrize("wording", WORDINGS)
def test_engines_say_the_same_in_other_words(wording):
    spec = ContainerSpec(name="x", image="i", capabilities=("CHOWN",), security_options=())
    container = inspected(spec, {})
    container["HostConfig"].update(WORDINGS[wording])
    container["Config"]["StopTimeout"] = None
    assert projection.project(container, None) == spec.model_dump(mode="json")


HAND_MADE = {
    "privileged": ("HostConfig", "Privileged", True),
    "capabilities kept": ("HostConfig", "CapDrop", None),
    "bind in the old way": ("HostConfig", "Binds", ["/a:/b:ro,z"]),
    "volume in the old way": ("HostConfig", "Binds", ["data:/b"]),
    "tmpfs": ("HostConfig", "Tmpfs", {"/t": ""}),
    "network": ("HostConfig", "NetworkMode", "default"),
    "pid": ("HostConfig", "PidMode", "host"),
    "cgroup": ("HostConfig", "CgroupnsMode", "host"),
    "device": ("HostConfig", "Devices", [projection._device_payload("/dev/kvm")]),
    "seccomp": ("HostConfig", "SecurityOpt", ["seccomp=unconfined"]),
    "nothing hidden": ("HostConfig", "MaskedPaths", []),
    "nothing write-protected": ("HostConfig", "ReadonlyPaths", []),
    "restart": ("HostConfig", "RestartPolicy", {"Name": "always"}),
    "stop timeout": ("Config", "StopTimeout", 99),
    "environment": ("Config", "Env", ["A=changed"]),
    "health in a shell": ("Config", "Healthcheck", {"Test": ["CMD-SHELL", "true"], "Interval": 30 * 10**9}),
}


@pytest.mark.parametrize("change", HAND_MADE)
def test_what_was_changed_by_hand_differs(change):
    spec = ContainerSpec(name="x", image="i", environment={"A": "1"})
    container = copy.deepcopy(inspected(spec, {}))
    part, key, value = HAND_MADE[change]
    container[part][key] = value
    assert projection.project(container, {"Config": {"Env": None}}) != spec.model_dump(mode="json")


def test_a_variable_added_by_hand_differs_and_one_of_the_image_does_not():
    spec = ContainerSpec(name="x", image="i")
    container = inspected(spec, {"OF_IMAGE": "1"})
    container["Config"]["Env"].append("BY_HAND=1")
    now = projection.project(container, {"Config": {"Env": ["OF_IMAGE=1"]}})
    assert now["environment"] == {"BY_HAND": "1"}


def test_old_style_mounts_are_told_apart():
    container = inspected(ContainerSpec(name="x", image="i"), {})
    container["HostConfig"]["Binds"] = ["/a:/b:ro,z,rshared", "data:/a"]
    assert projection.project(container, None)["mounts"] == [
        Mount(type="volume", source="data", target="/a").model_dump(),
        {"type": "bind", "source": "/a", "target": "/b", "read_only": True, "propagation": "rshared"},
    ]


def test_the_usual_propagation_has_two_names():
    spec = ContainerSpec(name="x", image="i", mounts=(Mount(type="bind", source="/a", target="/b"),))
    container = inspected(spec, {})
    container["HostConfig"]["Mounts"][0]["BindOptions"] = {"Propagation": "rprivate"}
    assert projection.project(container, None) == spec.model_dump(mode="json")


UNUSUAL_DEVICES = {
    "only read": {"CgroupPermissions": "r"},
    "elsewhere": {"PathInContainer": "/dev/other"},
}


@pytest.mark.parametrize("change", UNUSUAL_DEVICES)
def test_a_device_that_is_not_just_passed_through_differs(change):
    spec = ContainerSpec(name="x", image="i", devices=("/dev/kvm",))
    container = inspected(spec, {})
    container["HostConfig"]["Devices"][0].update(UNUSUAL_DEVICES[change])
    assert projection.project(container, None)["devices"] != ["/dev/kvm"]
