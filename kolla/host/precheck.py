"""What would keep a deployment from working on this host: all findings at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from . import facts, listeners, processes
from .cloud import Cloud
from .engine import Engine, EngineUnreachable, connect
from .power import own_containers
from .shapes import Json

GIB = 1 << 30
NONLOCAL_BIND = Path("/proc/sys/net/ipv4/ip_nonlocal_bind")
"""`1`: programs may bind to addresses that are not here yet, as where keepalived moves them."""

MEMORY_TOLERANCE = 0.95
"""A machine sold with so much memory shows a little less: the kernel keeps some for itself."""


def precheck(request: Json) -> Json:
    """Findings about the engine, and about what the request names: ports, addresses, directories,
    memory. Changes nothing."""
    cloud = Cloud.of(request)
    findings: list[Json] = []
    engine: Engine | None = None
    try:
        engine = connect(request["engine"])
        findings.append(_finding("engine", engine.name, True, f"{engine.name} {engine.version} answers"))
    except EngineUnreachable as refusal:
        hint = refusal.details["hint"]
        findings.append(_finding("engine", request["engine"], False, str(refusal), hint))
    findings += _ports(request.get("ports", ()), _own_pids(engine, cloud) if engine else {})
    findings += [_address(address) for address in request.get("addresses", ())]
    findings += [_space(path, needed) for path, needed in sorted(request.get("directories", {}).items())]
    if "memory" in request:
        findings.append(_memory(request["memory"], facts.memory()))
    return {"findings": findings}


def _finding(check: str, subject: str, ok: bool, message: str, hint: str = "") -> Json:
    return {"check": check, "subject": subject, "ok": ok, "message": message, "hint": hint}


def _own_pids(engine: Engine, cloud: Cloud) -> dict[int, str]:
    """Pid of the first process of each running container of the cloud -> its name."""
    found = {}
    for name in own_containers(engine, cloud):
        container = engine.inspect(name)
        if container and container["State"]["Pid"]:
            found[container["State"]["Pid"]] = name
    return found


def _ports(asked: Iterable[Json], own_pids: dict[int, str]) -> list[Json]:
    present = listeners.listening()
    return [
        _port(each, listeners.conflicts(each["address"], each["port"], present), own_pids) for each in asked
    ]


def _port(asked: Json, found: list[listeners.Listener], own_pids: dict[int, str]) -> Json:
    subject = f"{asked['address']}:{asked['port']}"
    for listener in found:
        pid = listeners.owner(listener.inode)
        if pid is not None and own_pids.keys() & set(processes.ancestors(pid)):
            continue
        who = f"process {pid} ({processes.program(pid)})" if pid else "somebody outside this process table"
        where = f"{listener.address}:{listener.port}"
        message = f"port {asked['port']}, which {asked['service']} needs, is in use on {where} by {who}"
        return _finding("port", subject, False, message, f"stop it, or give {asked['service']} another port")
    return _finding("port", subject, True, f"free for {asked['service']}")


def _address(address: str) -> Json:
    for name, interface in facts.interfaces().items():
        if address in interface["addresses"] + interface["addresses6"]:
            return _finding("address", address, True, f"on interface {name}")
    if NONLOCAL_BIND.read_text().strip() == "1":
        return _finding("address", address, True, "not here, but the kernel lets programs bind to it")
    message = f"no interface of this host has the address {address}"
    return _finding("address", address, False, message, "give it to one (ip address add), or name another")


def _space(path: str, needed: int) -> Json:
    existing = Path(path)
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    message = f"{path} has {free / GIB:.1f} GiB free, {needed / GIB:.1f} GiB are needed"
    hint = "" if free >= needed else f"make room below {existing}"
    return _finding("space", path, free >= needed, message, hint)


def _memory(needed: int, present: int) -> Json:
    ok = present >= needed * MEMORY_TOLERANCE
    message = f"this host has {present / GIB:.1f} GiB of memory, {needed / GIB:.1f} GiB are needed"
    return _finding("memory", "memory", ok, message)
