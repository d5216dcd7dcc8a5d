"""A container's spec in the engine's words, and back. Pure, and inverse to each other.

`payload` is what we ask of the engine's API; `project` reads what `inspect` shows as the same spec,
whichever engine version wrote it, so that a change made behind our back shows as a difference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from .shapes import HealthCheck, Json, Mount, Spec

SPEC_VERSION = 2
NANOSECONDS = 1_000_000_000
DEFAULT_STOP_TIMEOUT = 10
LOGGING = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
"""Not part of a spec: changing it here does not recreate the containers of a cloud."""

PRIVATE = "private"
"""The propagation of a mount that asks for none; engines call it rprivate as well."""

UNCONFINED_PATHS = "systempaths=unconfined"
SYSTEM_PATHS = ("MaskedPaths", "ReadonlyPaths")
"""The engine's command line has an option for them, its API has two lists, empty for unconfined."""

LABEL_CLOUD = "kolla.cloud"
LABEL_SERVICE = "kolla.service"
LABEL_SPEC = "kolla.spec"
LABEL_GENERATION = "kolla.generation"
LABEL_FOLDER = "kolla.folder"
LABEL_VERSION = "org.opencontainers.image.version"
"""Of the image (OCI image specification, annotations.md); containers have their image's labels."""
LABEL_ENVIRONMENT = "kolla.environment"
"""Names of the variables we asked for: `inspect` mixes them with those of the image."""
LABEL_JOB = "kolla.job"


def digest(spec: Spec) -> str:
    """The identity of a spec, the same as `ContainerSpec.digest` on the controller."""
    document = {"version": SPEC_VERSION, **spec}
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def payload(spec: Spec, labels: Mapping[str, str]) -> Json:
    """The body of the engine's "create a container" call."""
    names = sorted(spec["environment"])
    return {
        "Image": spec["image"],
        "Env": [f"{name}={spec['environment'][name]}" for name in names],
        "Labels": {**labels, LABEL_SPEC: digest(spec), LABEL_ENVIRONMENT: ",".join(names)},
        "StopTimeout": spec["stop_timeout"],
        "Healthcheck": _health_payload(spec["health"]),
        "HostConfig": {
            "NetworkMode": spec["network"],
            "PidMode": spec["pid_mode"],
            "CgroupnsMode": spec["cgroup_mode"],
            "Devices": [_device_payload(path) for path in spec["devices"]],
            "CapDrop": ["ALL"],
            "CapAdd": list(spec["capabilities"]),
            "SecurityOpt": [option for option in spec["security_options"] if option != UNCONFINED_PATHS],
            **({name: [] for name in SYSTEM_PATHS} if UNCONFINED_PATHS in spec["security_options"] else {}),
            "RestartPolicy": {"Name": spec["restart_policy"]},
            "Mounts": [_mount_payload(mount) for mount in spec["mounts"]],
            "LogConfig": LOGGING,
        },
    }


def _health_payload(health: HealthCheck | None) -> Json:
    if health is None:
        # Said aloud, because the image may have a check of its own.
        return {"Test": ["NONE"]}
    return {
        "Test": ["CMD", *health["command"]],
        "Interval": health["interval"] * NANOSECONDS,
        "Timeout": health["timeout"] * NANOSECONDS,
        "Retries": health["retries"],
    }


def _mount_payload(mount: Mount) -> Json:
    asked: Json = {"Type": mount["type"], "Target": mount["target"], "ReadOnly": mount["read_only"]}
    if mount["source"]:
        asked["Source"] = mount["source"]
    if mount["propagation"] != PRIVATE:
        asked["BindOptions"] = {"Propagation": mount["propagation"]}
    return asked


def _device_payload(path: str) -> Json:
    return {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}


def project(container: Json, image: Json | None) -> Spec:
    """The spec a container has now.

    `container` and `image` are the engine's `inspect` documents; `image` is the container's, or None
    when the engine does not have it any more.
    """
    config, host = container["Config"], container["HostConfig"]
    return {
        "name": container["Name"].lstrip("/"),
        "image": container["Image"],
        "environment": _environment(config, image),
        "mounts": _mounts(host),
        "network": {"default": "bridge", "": "bridge"}.get(host["NetworkMode"], host["NetworkMode"]),
        "pid_mode": host.get("PidMode") or "",
        "cgroup_mode": host.get("CgroupnsMode") or "",
        "devices": sorted(_device(device) for device in host.get("Devices") or ()),
        "capabilities": _capabilities(host),
        "security_options": _security_options(host),
        "restart_policy": (host.get("RestartPolicy") or {}).get("Name") or "no",
        "stop_timeout": stop_timeout(config),
        "health": _health(config.get("Healthcheck")),
    }


def _pairs(lines: Iterable[str] | None) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in lines or ())


def _environment(config: Json, image: Json | None) -> dict[str, str]:
    of_image = _pairs(image["Config"].get("Env")) if image else {}
    asked = (config["Labels"] or {}).get(LABEL_ENVIRONMENT, "").split(",")
    now = _pairs(config.get("Env"))
    return {name: now[name] for name in now if name in asked or now[name] != of_image.get(name)}


def _mounts(host: Json) -> list[Mount]:
    """What was asked for, in any of the three ways the API has; volumes of the image are not in it."""
    mounts: list[Mount] = [
        {
            "type": mount["Type"],
            "source": mount.get("Source", ""),
            "target": mount["Target"],
            "read_only": bool(mount.get("ReadOnly")),
            "propagation": _propagation([(mount.get("BindOptions") or {}).get("Propagation", "")]),
        }
        for mount in host.get("Mounts") or ()
    ]
    for bind in host.get("Binds") or ():
        source, target, *rest = bind.split(":")
        options = ",".join(rest).split(",")
        mounts.append(
            {
                "type": "bind" if source.startswith("/") else "volume",
                "source": source,
                "target": target,
                "read_only": "ro" in options,
                "propagation": _propagation(options),
            }
        )
    for target in host.get("Tmpfs") or ():
        mounts.append(
            {"type": "tmpfs", "source": "", "target": target, "read_only": False, "propagation": PRIVATE}
        )
    return sorted(mounts, key=lambda mount: mount["target"])


def _propagation(options: Iterable[str]) -> str:
    """The propagation among the options of a mount."""
    asked = [option for option in options if option.endswith((PRIVATE, "shared", "slave"))]
    return PRIVATE if not asked or asked[0].endswith(PRIVATE) else asked[0]


def _device(device: Json) -> str:
    """A device's path; with all that is unusual about it when it is not just passed through."""
    path = str(device["PathOnHost"])
    if device == _device_payload(path):
        return path
    return ":".join((path, device["PathInContainer"], device["CgroupPermissions"]))


def _capabilities(host: Json) -> list[str]:
    if host.get("Privileged"):
        return ["ALL"]
    added = {name.upper().replace("CAP_", "", 1) for name in host.get("CapAdd") or ()}
    dropped = {name.upper() for name in host.get("CapDrop") or ()}
    # What was not dropped cannot be named engine by engine; any such word differs from every spec.
    kept = set() if dropped & {"ALL", "CAP_ALL"} else {"(the engine's defaults)"}
    return sorted(added | kept)


def _security_options(host: Json) -> list[str]:
    options = []
    for option in host.get("SecurityOpt") or ():
        name, _, value = option.replace("=", ":", 1).partition(":")
        if name == "no-new-privileges" and value in ("", "true"):
            options.append(name)
        elif (name, value) != ("label", "disable") or host.get("PidMode") != "host":
            # (The engine adds label=disable itself to whoever shares the host's processes.)
            options.append(option)
    unconfined = [name for name in SYSTEM_PATHS if host.get(name) == []]
    options += [UNCONFINED_PATHS] if len(unconfined) == len(SYSTEM_PATHS) else unconfined
    return sorted(options)


def stop_timeout(config: Json) -> int:
    """Seconds between asking a container to end and killing it, from `Config` of its `inspect`."""
    asked = config.get("StopTimeout")
    return DEFAULT_STOP_TIMEOUT if asked is None else int(asked)


def _health(check: Json | None) -> HealthCheck | None:
    test = (check or {}).get("Test") or ["NONE"]
    if check is None or test[0] == "NONE":
        return None
    return {
        "command": test[1:] if test[0] == "CMD" else ["(shell)", *test[1:]],
        "interval": (check.get("Interval") or 0) // NANOSECONDS,
        "timeout": (check.get("Timeout") or 0) // NANOSECONDS,
        "retries": check.get("Retries") or 0,
    }
