"""Podman: the Docker API it speaks, and its own where that one says less.

A container is asked for in the words of Docker's API (`projection.payload`) and looked at in those of
Docker's `inspect`, so that nothing else knows which engine it is. `creation` and `inspection` are pure, and
lead from one to the other. Podman's API: https://docs.podman.io/en/latest/_static/api.html.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import docker.errors

from .deadline import Deadline
from .engine import Engine, explained
from .errors import OperationFailed
from .projection import LABEL_ENVIRONMENT, SYSTEM_PATHS
from .shapes import Json

OWN_API = "v4.0.0/libpod"
"""The part of the address that says so. All versions since understand what one of that number was asked."""
LOG_SIZE = 10 << 20
"""Bytes of a container's standard output that are kept (`max-size` of `projection.LOGGING`)."""
PATIENCE = 30
"""Seconds in which a container that ends again and again is to be stopped."""
PAUSE = 0.1
"""Seconds that podman is given to carry out a restart policy; it was seen to take 0.1 to 0.6."""

RESTARTS = {"unless-stopped": "always"}
"""To podman both are the same (podman-run(1)), and podman-restart.service starts the second with the host."""
CONFINEMENT = {"seccomp": "seccomp_profile_path", "apparmor": "apparmor_profile"}
"""Security option -> the field it is asked for with. What `inspect` shows of it is an annotation."""
ANNOTATION = "io.podman.annotations.{}"
UNMASKED = "unmask=all"
"""How `inspect` shows that paths of /proc and /sys are neither hidden nor write-protected."""

STATES = {"configured": "created", "initialized": "created", "stopped": "exited", "stopping": "running"}
"""Its words for states -> Docker's, where they differ."""
OF_THE_ENGINE = ("container", "HOME", "HOSTNAME", "TERM")
"""Variables that every container gets of it."""
ANONYMOUS = re.compile(r"[0-9a-f]{64}")
"""The name of a volume that an image asked for, and nobody else."""


class Podman(Engine):
    """A connection to podman's service; see `Engine` for what its methods do."""

    def containers(self) -> list[Json]:
        """All containers, in the short form of Docker's API."""
        return [{**each, "State": _state(each["State"])} for each in super().containers()]

    def inspect(self, name: str) -> Json | None:
        """A container as Docker would show it."""
        with explained(f"cannot look at container '{name}'"):
            try:
                return inspection(self._own("get", f"containers/{name}/json").json())
            except docker.errors.NotFound:
                return None

    def create(self, name: str, body: Json) -> None:
        """Create a container from a body of Docker's API."""
        with explained(f"cannot create container '{name}'"):
            self._own("post", "containers/create", json=creation(name, body))

    def stop(self, name: str, timeout: int | None = None) -> None:
        """Ask a container to end, also a paused one, and one that is about to be started again: of that,
        podman says that it has ended already."""
        self._unpause(name)
        super().stop(name, timeout)
        deadline = Deadline(PATIENCE)
        while (container := self.inspect(name)) is not None and container["State"]["Running"]:
            if deadline.passed:
                raise OperationFailed(f"container '{name}' was stopped, and podman starts it again")
            time.sleep(PAUSE)
            super().stop(name, timeout)

    def restart(self, name: str, timeout: int) -> None:
        """Stop and start a container, also a paused one."""
        self._unpause(name)
        super().restart(name, timeout)

    def _unpause(self, name: str) -> None:
        """Podman neither stops nor restarts a container that is paused; Docker does."""
        container = self.inspect(name)
        if container is not None and container["State"]["Paused"]:
            with explained(f"cannot wake container '{name}'"):
                self._client.unpause(name)

    def remove(self, name: str) -> None:
        """Kill and remove a container. Through the other API it would first be waited for."""
        with explained(f"cannot remove container '{name}'"):
            asked = {"force": "true", "v": "true", "timeout": "0", "ignore": "true"}
            self._own("delete", f"containers/{name}", params=asked)

    def _remove_image(self, image: str) -> None:
        """A digest that it was pulled by is one of its names. By force podman removes containers, too."""
        self._own("post", f"images/{image}/untag")
        self._client.remove_image(image)

    def _own(self, method: str, path: str, **arguments: Any) -> Any:
        """An answer of its own API."""
        call = getattr(self._client, f"_{method}")
        answer = call(f"{self._client.base_url}/{OWN_API}/{path}", **arguments)
        self._client._raise_for_status(answer)
        return answer


def creation(name: str, body: Json) -> Json:
    """The body of podman's "create a container" call, from that of Docker's."""
    host = body["HostConfig"]
    options = dict(option.partition("=")[::2] for option in host["SecurityOpt"])
    confined = {each: options[each] for each in CONFINEMENT if each in options}
    policy = host["RestartPolicy"]["Name"]
    check = body["Healthcheck"]
    return {
        "name": name,
        "image": body["Image"],
        "env": dict(variable.partition("=")[::2] for variable in body["Env"]),
        "labels": body["Labels"],
        "stop_timeout": body["StopTimeout"],
        "healthconfig": check,
        "netns": {"nsmode": host["NetworkMode"]},
        "pidns": {"nsmode": host["PidMode"] or "private"},
        "cgroupns": {"nsmode": host["CgroupnsMode"]},
        "devices": [{"path": device["PathOnHost"]} for device in host["Devices"]],
        "cap_drop": host["CapDrop"],
        "cap_add": host["CapAdd"],
        "no_new_privileges": "no-new-privileges" in options,
        **{CONFINEMENT[each]: value for each, value in confined.items()},
        "annotations": {ANNOTATION.format(each): value for each, value in confined.items()},
        "unmask": ["ALL"] if all(host.get(paths) == [] for paths in SYSTEM_PATHS) else [],
        "restart_policy": RESTARTS.get(policy, policy),
        "mounts": [_mount(each) for each in host["Mounts"] if each["Type"] != "volume"],
        "volumes": [_volume(each) for each in host["Mounts"] if each["Type"] == "volume"],
        # Files keep that much and no more: podman's own kind of file has no older ones beside it.
        "log_configuration": {"driver": "k8s-file", "size": LOG_SIZE},
        # Docker sets no limit of processes, podman one of 2048. 0 leaves what the kernel and systemd give, as
        # Docker does; to lift a limit (-1), as to set one, there must be a controller of cgroups for it.
        "resource_limits": {"pids": {"limit": 0}},
    }


def _mount(mount: Json) -> Json:
    """A bind mount, or a tmpfs: empty, whatever the image has there."""
    access = "ro" if mount["ReadOnly"] else "rw"
    if mount["Type"] == "tmpfs":
        return {"type": "tmpfs", "destination": mount["Target"], "options": [access, "notmpcopyup"]}
    propagation = mount.get("BindOptions", {}).get("Propagation", "rprivate")
    return {
        "type": "bind",
        "source": mount["Source"],
        "destination": mount["Target"],
        "options": ["rbind", access, propagation],
    }


def _volume(mount: Json) -> Json:
    """A volume; devices and set-user-ID programs in it work, as they do in Docker's."""
    access = "ro" if mount["ReadOnly"] else "rw"
    return {"Name": mount["Source"], "Dest": mount["Target"], "Options": [access, "suid", "dev"]}


def inspection(found: Json) -> Json:
    """What Docker's `inspect` would show of a container, from what podman's own shows."""
    config, host = found["Config"], found["HostConfig"]
    options = [option for option in host["SecurityOpt"] or () if option != UNMASKED]
    unmasked = UNMASKED in (host["SecurityOpt"] or ())
    policy = (host["RestartPolicy"] or {}).get("Name") or "no"
    about_to_start = _is_about_to_start(found)
    policies = {theirs: ours for ours, theirs in RESTARTS.items()}
    return {
        **found,
        "Image": f"sha256:{found['Image']}",
        "State": {
            **found["State"],
            "Status": "restarting" if about_to_start else _state(found["State"]["Status"]),
            # Docker says both of such a container.
            "Running": found["State"]["Running"] or about_to_start,
            "Restarting": about_to_start,
            "StartedAt": _in_utc(found["State"]["StartedAt"]),
            "Health": _verdict(found["State"].get("Health")),
        },
        "Config": {**config, "Labels": config["Labels"] or {}, "Env": list(_environment(config))},
        "HostConfig": {
            **host,
            "CgroupnsMode": host["CgroupMode"],
            "PidMode": "" if host["PidMode"] == "private" else host["PidMode"],
            "Devices": [_device(device) for device in host["Devices"] or ()],
            # Its own two lists say what differs from what it gives by itself.
            "CapDrop": ["ALL"],
            "CapAdd": found["BoundingCaps"] or [],
            "SecurityOpt": options,
            **({paths: [] for paths in SYSTEM_PATHS} if unmasked else {}),
            "RestartPolicy": {"Name": policies.get(policy, policy)},
            "Mounts": [_seen(mount) for mount in found["Mounts"] if _is_asked_for(mount)],
            "Binds": [],
        },
    }


def _state(word: str) -> str:
    return STATES.get(word, word)


def _is_about_to_start(found: Json) -> bool:
    """Whether a container has ended by itself just now, and its restart policy is not carried out yet."""
    state, policy = found["State"], (found["HostConfig"]["RestartPolicy"] or {}).get("Name")
    return state["Status"] == "stopped" and policy in RESTARTS.values() and not state.get("StoppedByUser")


def _in_utc(time: str) -> str:
    """A moment that podman tells in the host's time zone, to the second; what no container has been yet,
    is a moment in the year 1."""
    head, zone = time[:19], re.search(r"([+-]\d\d:\d\d)$", time)
    if zone is None or head.startswith("0001"):
        return time
    moment = datetime.fromisoformat(f"{head}{zone[1]}").astimezone(timezone.utc)
    fraction = time[19 : zone.start()]
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _verdict(health: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What the check says; None of a container without one."""
    return health if health and health.get("Status") else None


def _environment(config: Json) -> Iterable[str]:
    """The variables, without those that podman itself gave it."""
    asked = (config["Labels"] or {}).get(LABEL_ENVIRONMENT, "").split(",")
    for variable in config["Env"] or ():
        name = variable.partition("=")[0]
        if name in asked or name not in OF_THE_ENGINE:
            yield variable


def _device(device: Json) -> Json:
    return {**device, "CgroupPermissions": device["CgroupPermissions"] or "rwm"}


def _is_asked_for(mount: Json) -> bool:
    return not (mount["Type"] == "volume" and ANONYMOUS.fullmatch(mount["Name"]))


def _seen(mount: Json) -> Json:
    return {
        "Type": mount["Type"],
        "Source": mount["Name"] if mount["Type"] == "volume" else mount["Source"],
        "Target": mount["Destination"],
        "ReadOnly": not mount["RW"],
        "BindOptions": {"Propagation": mount["Propagation"]},
    }
