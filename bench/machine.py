"""What a running cloud takes of the machine: memory, processors, disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from bench.spent import descendants

TICKS = os.sysconf("SC_CLK_TCK")


def containers(cloud_id: str) -> list[Container]:
    """The running containers of a cloud."""
    found: list[Container] = docker.from_env().containers.list(filters={"label": f"kolla.cloud={cloud_id}"})
    return found


def memory(found: Iterable[Container]) -> dict[str, float]:
    """Bytes of each container that the kernel could not simply drop, servers not counted."""
    return {str(container.name): _engine_memory(container) + _stray_memory(container) for container in found}


def processors(found: list[Container], seconds: float) -> dict[str, float]:
    """How much of a processor each container takes, on average over some seconds."""
    before, begun = {str(c.name): processor_time(c) for c in found}, time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - begun
    return {str(c.name): (processor_time(c) - before[str(c.name)]) / took for c in found}


def processor_time(container: Container) -> float:
    """Seconds that a container has had of processors; with those of its health checks."""
    own = float(_stats(container)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
    return own + sum(_ticks(pid) / TICKS for pid in _strays(container))


def image_sizes(tags: Iterable[str]) -> tuple[dict[str, int], int]:
    """Bytes of each image, and of all with the layers that they share counted once."""
    client = docker.from_env()
    sizes: dict[str, int] = {}
    layers: dict[tuple[Any, ...], int] = {}
    for tag in tags:
        image = client.images.get(tag)
        sizes[tag] = image.attrs["Size"]
        below: tuple[Any, ...] = ()
        for step in reversed(image.history()):
            # A layer is the same if it and all below it are.
            below = (below, step["Created"], step["CreatedBy"], step["Size"])
            layers[below] = step["Size"]
    return sizes, sum(layers.values())


def _stats(container: Container) -> Any:
    return docker.from_env().api.stats(str(container.id), stream=False, one_shot=True)


def _engine_memory(container: Container) -> float:
    """As `docker stats` counts: without files that were read and not looked at since."""
    used = _stats(container)["memory_stats"]
    details = used["stats"]
    return float(used["usage"] - details.get("total_inactive_file", details.get("inactive_file", 0)))


def processes(container: Container) -> Iterator[int]:
    """The first process of a container and its descendants. Servers are none: they are nobody's children."""
    return descendants(int(container.attrs["State"]["Pid"]))


def _strays(container: Container) -> Iterator[int]:
    """Processes of a container that have left its control groups, so that the engine does not count them."""
    for pid in processes(container):
        if str(container.id) not in Path(f"/proc/{pid}/cgroup").read_text():
            yield pid


def _stray_memory(container: Container) -> float:
    total = 0
    for pid in _strays(container):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) << 10
    return float(total)


def _ticks(pid: int) -> int:
    """Time a process has had of processors: utime and stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
