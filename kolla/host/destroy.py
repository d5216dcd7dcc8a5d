"""Taking everything of a cloud off this host again, and nothing else."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from . import (
    adopted,
    daemon,
    folder,
    lock,
    mounts,
    packages,
    program,
    resources,
    volumes,
)
from .cloud import Cloud
from .containers import base_name
from .deadline import Deadline
from .engine import Engine, EngineUnreachable
from .engines import Kind, kind_of
from .errors import OperationFailed
from .manifest import Manifest
from .own import engine_of, own_containers
from .shapes import Json

FAREWELL = 120
"""Seconds a container has to end what outlives it."""
PAUSE = 1
"""Seconds between two tries in a container that was woken for that."""

RUNTIME = "/run/"
"""What is in a directory of ours below it was left by what ran there (hier(7))."""

LASTING = ("images", "packages", "registries", "authorities", "engine", "mounts", "adopted")
"""Kinds of things that may stay although the cloud is gone; the manifest stays with them."""


def destroy(request: Json) -> Json:
    """Remove containers, folders and state; volumes and images if asked; with `purge` also packages,
    registries and the engine, as far as the manifest says that they came through us.

    Answers what was changed and what was kept. Can be repeated, with more asked than before.
    """
    cloud = Cloud.of(request)
    changes: list[str] = []
    kept: list[str] = []
    with lock.held(cloud, request):
        manifest = Manifest(cloud)
        engine: Engine | None = None
        try:
            engine = engine_of(request, cloud)
        except EngineUnreachable:
            kept.append("containers, volumes and images: no engine answers")
        else:
            _farewells(engine, cloud, changes, kept)
            changes += _containers(engine, cloud)
            _volumes(engine, cloud, manifest, request["volumes"], changes, kept)
            _images(engine, manifest, request["images"], changes, kept)
        if request["purge"]:
            _engine(kind_of(request["engine"]), engine, manifest, changes, kept)
        changes += [f"removed {p}" for p in manifest.entries("folders") if folder.remove(p, manifest)]
        undone, stayed = resources.take_all_back(cloud, manifest)
        changes += undone
        kept += stayed
        changes += _directories(manifest)
        for name in ("jobs", "taken", "runs", "resources", "volumes"):
            shutil.rmtree(cloud.directory / name, ignore_errors=True)
        cloud.upgrade_record.unlink(missing_ok=True)
        if any(manifest.entries(kind) for kind in LASTING):
            kept.append(f"{cloud.directory}: lists what is left")
        else:
            # Still under the lock: whoever waits for it must not lose what he writes next.
            shutil.rmtree(cloud.directory)
    program.remove()
    return {"changes": changes, "kept": kept}


def _farewells(engine: Engine, cloud: Cloud, changes: list[str], kept: list[str]) -> None:
    """Have what outlives containers ended, by a program of theirs."""
    own = own_containers(engine, cloud)
    for record in resources.given(cloud).values():
        for name, command in record.get("at_destroy", {}).items():
            if name not in own:
                continue
            try:
                ended = _ends(name, command, engine)
                trouble = f"'{' '.join(command)}' did not succeed in it"
            except OperationFailed as error:
                ended, trouble = False, str(error)
            if ended:
                changes.append(f"ended what outlives container {name}")
            else:
                kept.append(f"what outlives container {name}: {trouble}")


def _ends(name: str, command: Sequence[str], engine: Engine) -> bool:
    """Whether a program succeeds in a container, which is started for that when it was stopped: what outlives
    it outlives that, too.

    A container that was woken may miss what it needs to be healthy: the program is tried until it succeeds.
    """
    container, deadline = engine.inspect(name), Deadline(FAREWELL)
    woken = container is not None and not container["State"]["Running"]
    if woken:
        engine.start(name)
    while not (ended := engine.succeeds_in(name, command, deadline.remaining)):
        if not woken or deadline.passed:
            break
        time.sleep(PAUSE)
    return ended


def _containers(engine: Engine, cloud: Cloud) -> list[str]:
    names = sorted(own_containers(engine, cloud))
    for name in names:
        engine.stop(name)
        engine.remove(name)
    return [f"removed container {name}" for name in names if name == base_name(name)]


def _volumes(
    engine: Engine, cloud: Cloud, manifest: Manifest, asked: bool, changes: list[str], kept: list[str]
) -> None:
    for name in sorted(volumes.own(engine, cloud, manifest)):
        if not asked:
            kept.append(f"volume {name}")
            continue
        try:
            engine.remove_volume(name)
            changes.append(f"removed volume {name}")
            adopted.forget(name, manifest)
        except OperationFailed as failure:
            kept.append(f"volume {name}: {failure}")


def _images(engine: Engine, manifest: Manifest, asked: bool, changes: list[str], kept: list[str]) -> None:
    for image in manifest.entries("images"):
        if not asked:
            kept.append(f"image {image}")
            continue
        try:
            if engine.image(image):
                engine.remove_image(image)
                changes.append(f"removed image {image}")
            manifest.remove("images", [image])
        except OperationFailed as failure:
            kept.append(f"image {image}: {failure}")


def _engine(
    kind: Kind, engine: Engine | None, manifest: Manifest, changes: list[str], kept: list[str]
) -> None:
    strangers = [container["Names"][0].lstrip("/") for container in (engine.containers() if engine else ())]
    if strangers:
        kept.append(f"the engine and its packages: containers of others are on it ({', '.join(strangers)})")
        return
    needing = packages.needing(manifest)
    if needing:
        kept.append(f"the engine and its packages: needed by {', '.join(needing)}")
        return
    registries = manifest.entries("registries")
    if registries:
        daemon.distrust(kind, registries)
        manifest.remove("registries", registries)
        changes += [f"registry {each} needs TLS again" for each in registries]
    authorities = manifest.entries("authorities")
    for each in authorities:
        Path(each).unlink(missing_ok=True)
        changes.append(f"removed {each}")
    manifest.remove("authorities", authorities)
    changes += daemon.stop(kind, manifest)
    if manifest.entries("packages"):
        changes += [f"removed package {name}" for name in packages.purge(manifest)]


def _directories(manifest: Manifest) -> list[str]:
    """Directories we made go when nothing is left in them, or nothing that would survive a reboot."""
    gone = []
    for path in reversed(manifest.entries("directories")):
        if not Path(path).is_dir() or mounts.has_mounts(path):
            continue
        if path.startswith(RUNTIME) or not any(Path(path).iterdir()):
            shutil.rmtree(path)
            gone.append(path)
    manifest.remove("directories", set(manifest.entries("directories")) - set(manifest.entries("mounts")))
    return [f"removed {path}" for path in gone]
