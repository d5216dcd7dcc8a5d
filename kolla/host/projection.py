"""A container's spec in the engine's words, and back. Pure, and inverse to each other.

`payload` is what we ask of the engine's API; `project` reads what `inspect` shows as the same spec,
whichever engine version wrote it, so that a change made behind our back shows as a difference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from .shapes import HealthCheck, Json, Mount, Spec

SPEC_VERSION = 1
NANOSECONDS = 1_000_000_000
DEFAULT_STOP_TIMEOUT = 10
LOGGING = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
"""Not part of a spec: changing it here does not recreate the containers of a cloud."""

LABEL_CLOUD = "kolla.cloud"
LABEL_SERVICE = "kolla.service"
LABEL_SPEC = "kolla.spec"
LABEL_GENERATION = "kolla.generation"
LABEL_FOLDER = "kolla.folder"
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
            "CapDrop": ["ALL"],
            "CapAdd": list(spec["capabilities"]),
            "SecurityOpt": list(spec["security_options"]),
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
    return {**asked, "Source": mount["source"]} if mount["source"] else asked


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
        }
        for mount in host.get("Mounts") or ()
    ]
    for bind in host.get("Binds") or ():
        source, target, *options = bind.split(":")
        kind = "bind" if source.startswith("/") else "volume"
        read_only = bool(options) and "ro" in options[0].split(",")
        mounts.append({"type": kind, "source": source, "target": target, "read_only": read_only})
    for target in host.get("Tmpfs") or ():
        mounts.append({"type": "tmpfs", "source": "", "target": target, "read_only": False})
    return sorted(mounts, key=lambda mount: mount["target"])


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
