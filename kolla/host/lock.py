"""One deployer at a time: a lock that ends with its process, and a lease that names its owner.

The flock(2) on `lock` is held by whatever process changes the host, so a worker that outlives its
deployer keeps others away. The lease (`lease.json`) spans the pauses between the requests of one run;
its file's time says when it was last renewed.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import files, processes
from .cloud import Cloud
from .errors import Refusal
from .shapes import Json

LEASE_SECONDS = 900
"""A lease not renewed for so long may be taken by somebody else. Long, because a host is not asked
anything while others are busy with a step; nobody waits for it whose predecessor is known to have ended."""
POLL = 0.2

LONG_SILENCE = 60
"""Seconds without a word of its owner after which a lease is worth a remark."""


def take(
    cloud: Cloud, run: str, owner: Json, timeout: float, gone: str | None = None, silence: int = 0
) -> int:
    """Take lock and lease for a run; the lock's file descriptor, to be kept open (forks keep it, too).

    `gone`: a run whose deployer has ended without giving its lease back. `silence`: so many seconds more
    than usual it may be before this run is heard of again.
    Refusal `locked`, with the lease that is in the way, after `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while True:
        handle = _try(cloud, run, owner, gone, silence)
        if handle is not None:
            return handle
        if time.monotonic() >= end:
            lease = read(cloud)
            raise Refusal("locked", sentence(lease), lease=lease)
        time.sleep(POLL)


@contextmanager
def held(cloud: Cloud, request: Json) -> Iterator[None]:
    """Lock and lease for one short request; a lease the same run had before stays with it."""
    run, owner = request.get("run") or f"request-{os.getpid()}", request.get("owner") or _this_process()
    handle = take(cloud, run, owner, request.get("lock_timeout", 0), request.get("gone"))
    try:
        yield
    finally:
        if not request.get("run"):
            release(cloud, run)
        os.close(handle)


def _this_process() -> Json:
    return {
        "user": "root",
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "pid": os.getpid(),
        "command": f"kolla {sys.argv[-1]}",
    }


def _try(cloud: Cloud, run: str, owner: Json, gone: str | None, silence: int) -> int | None:
    """The locked descriptor, or None when lock or lease are another's."""
    cloud.make_directory()
    path = cloud.directory / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A destroy may have removed the file while we waited for it: then this lock is worth nothing.
        current = path.exists() and os.path.samestat(os.fstat(handle), path.stat())
        if current and _take_lease(cloud, run, owner, gone, silence):
            return handle
    except BlockingIOError:
        pass
    os.close(handle)
    return None


def _take_lease(cloud: Cloud, run: str, owner: Json, gone: str | None, silence: int) -> bool:
    with _writing(cloud):
        lease = read(cloud)
        if lease is None or lease["run"] in (run, gone) or is_stale(lease, time.time(), boot_id()):
            own = lease is not None and lease["run"] == run
            since = lease["since"] if lease is not None and own else time.time()
            document = {"run": run, "owner": owner, "since": since, "silence": silence}
            files.write_json(_path(cloud), document)
            return True
    return False


def read(cloud: Cloud) -> Json | None:
    """The lease: run, owner, since when, and when it was renewed; None when nobody has one."""
    document: Json | None = files.read_json(_path(cloud))
    try:
        return document and {**document, "renewed": _path(cloud).stat().st_mtime}
    except FileNotFoundError:
        return None


def renew(cloud: Cloud, run: str) -> None:
    """Say that the run is still being followed; nothing happens when the lease is another's."""
    with _writing(cloud):
        lease = read(cloud)
        if lease and lease["run"] == run:
            os.utime(_path(cloud))


def release(cloud: Cloud, run: str) -> None:
    """Give the run's lease back; nothing happens when it has none."""
    if not _path(cloud).exists():
        return
    with _writing(cloud):
        lease = read(cloud)
        if lease and lease["run"] == run:
            _path(cloud).unlink()


def is_stale(lease: Json, now: float, boot_id: str) -> bool:
    """Whether a lease no longer counts: its owner, a process of this very host, is gone; or nobody
    renewed it for as long as it is good."""
    owner = lease["owner"]
    # Containers share the kernel's boot_id but not its processes, hence the host's name as well.
    here = owner.get("boot_id") == boot_id and owner.get("host") == socket.gethostname()
    if here and not processes.lives(owner["pid"]):
        return True
    return not -LEASE_SECONDS < now - lease["renewed"] < _good_for(lease)


def _good_for(lease: Json) -> int:
    """Seconds after which a lease that was not renewed may be taken by somebody else."""
    return LEASE_SECONDS + int(lease.get("silence", 0))


@contextmanager
def _writing(cloud: Cloud) -> Iterator[None]:
    """Reading and then writing the lease is one step."""
    cloud.make_directory()
    with (cloud.directory / "lease.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(cloud: Cloud) -> Path:
    return cloud.directory / "lease.json"


def boot_id() -> str:
    """Names this boot of this machine's kernel (proc(5))."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def sentence(lease: Json | None) -> str:
    """Who changes this host, for how long, and what becomes of the lock when nobody does any more."""
    owner = (lease or {}).get("owner") or {}
    if lease is None or not owner:
        return "another run is changing this host"
    who = "{user}@{host}, process {pid}: {command}".format(
        **{"user": "?", "host": "?", "pid": "?", "command": "?", **owner}
    )
    now = time.time()
    said = f"this host is being changed by {who}, for {_duration(now - lease['since'])}"
    if is_stale(lease, now, boot_id()):
        return f"{said}; that one has ended, and the next to come takes over"
    silent = now - lease["renewed"]
    if silent < LONG_SILENCE:
        return said
    left = _duration(_good_for(lease) - silent)
    return f"{said}; not heard of for {_duration(silent)}: if that goes on, others may in {left}"


def _duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 5 min`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{max(int(seconds), 0)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
