"""The question before every plan: what is this host, and what is on it now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import facts, files, folder, kernel, lock, members, predecessors, projection, resources, volumes
from .cloud import Cloud
from .containers import OLD, base_name
from .context import is_own
from .engine import Engine, EngineUnreachable
from .manifest import Manifest
from .own import engine_of
from .shapes import Json


def observe(request: Json) -> Json:
    """Facts, state and lease. Changes nothing and waits for nobody."""
    cloud = Cloud.of(request)
    state: Json = {"engine": None, "containers": {}, "foreign": [], "volumes": {}, "images": []}
    state.update(predecessors={}, unclaimed=[], blank=[], copies={}, drained=[])
    try:
        engine = engine_of(request, cloud)
    except EngineUnreachable:
        pass
    else:
        state.update(_of_engine(engine, cloud, request))
        if request.get("members"):
            state["drained"] = members.observe(request["members"], engine, cloud)
        brought = Manifest(cloud).entries("images")
        state["brought"] = [image for image in brought if engine.image(image)]
    own: dict[str, dict[str, str]] = {
        container["folder"]: {} for container in state["containers"].values() if container["folder"]
    }
    state["folders"] = _folders({**own, **request["folders"]})
    state["jobs"] = _jobs(cloud)
    state["resources"] = resources.observe({**resources.NONE, **request["resources"]}, cloud)
    state["given"] = resources.given(cloud)
    state["upgrade"] = files.read_json(cloud.upgrade_record)
    known = {**facts.gather(), "kernel_modules": kernel.available(request["modules"])}
    lease = lock.read(cloud)
    state["lock"] = lock.sentence(lease) if lease else ""
    return {"facts": known, "state": state, "lease": lease}


def _of_engine(engine: Engine, cloud: Cloud, request: Json) -> Json:
    names: dict[str, str] = {}
    foreign = []
    every = engine.containers()
    for listed in every:
        name = listed["Names"][0].lstrip("/")
        if not is_own(listed["Labels"], cloud):
            foreign.append(name)
        elif projection.LABEL_JOB not in listed["Labels"]:
            names[name] = base_name(name)
    own_volumes = volumes.own(engine, cloud, Manifest(cloud))
    return {
        "engine": {"name": engine.name, "version": engine.version},
        "containers": _containers(engine, cloud, names),
        "foreign": sorted(foreign),
        "predecessors": predecessors.observe(every),
        "volumes": own_volumes,
        "copies": volumes.copies(engine, cloud, own_volumes),
        "unclaimed": volumes.unclaimed(request["volumes"], engine, own_volumes),
        "blank": volumes.blank(request["data"], engine, own_volumes),
        "images": [image for image in request["images"] if engine.image(image)],
    }


def _containers(engine: Engine, cloud: Cloud, names: Mapping[str, str]) -> Json:
    """By its own name each. Of a swap cut short, the previous container counts if there is no other."""
    found: Json = {}
    for name, base in sorted(names.items()):
        if name != base and (base in names or name != base + OLD):
            continue
        container = engine.inspect(name)
        if container is not None:
            found[base] = _container(container, base, engine, cloud)
    return found


def _container(container: Json, name: str, engine: Engine, cloud: Cloud) -> Json:
    labels, state = container["Config"]["Labels"], container["State"]
    return {
        "name": name,
        "state": state["Status"],
        "health": (state.get("Health") or {}).get("Status"),
        "ready": _ready(state, name, cloud),
        "service": labels.get(projection.LABEL_SERVICE, ""),
        "spec_digest": labels.get(projection.LABEL_SPEC, ""),
        "generation": int(labels.get(projection.LABEL_GENERATION, 0)),
        "version": labels.get(projection.LABEL_VERSION, ""),
        "spec": {**projection.project(container, engine.image(container["Image"])), "name": name},
        "folder": labels.get(projection.LABEL_FOLDER, ""),
        "taken": cloud.taken(name),
    }


def _ready(state: Json, name: str, cloud: Cloud) -> bool:
    """Whether it runs and was ready at any time since it was started: by the engine's check, whose verdict
    may come half a minute late, or by the gate it passed."""
    health = (state.get("Health") or {}).get("Status")
    return bool(state["Running"]) and (
        health in (None, "healthy") or cloud.was_ready(name, state["StartedAt"])
    )


def _folders(asked: Mapping[str, Mapping[str, str]]) -> Json:
    return {path: folder.observe(Path(path), known) for path, known in asked.items() if Path(path).is_dir()}


def _jobs(cloud: Cloud) -> Json:
    found: Json = {}
    for path in sorted((cloud.directory / "jobs").glob("*.json")):
        record = files.read_json(path)
        found[path.stem.replace(".", "/", 1)] = {"key": record["key"], "epochs": record["epochs"]}
    return found
