"""A podman for tests: that of Debian 13, started by the host's own code.

It is not installed on this machine. It runs in files of its own, in a mount namespace, on a machine that may
be a container itself: without systemd, and where root may not raise limits.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kolla.host import daemon, engines
from kolla.host.cloud import Cloud
from kolla.host.engines import PODMAN, Kind
from kolla.host.manifest import Manifest

MIRROR = "http://deb.debian.org/debian"
PACKAGES = ("ca-certificates", "podman", "runc")

CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""containers.conf(5)."""

REGISTRIES = """\
[[registry]]
location = "127.0.0.1"
insecure = true
"""
"""containers-registries.conf(5): registries of tests speak no TLS."""

STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{directory}/storage"
runroot = "{directory}/run"
"""
"""containers-storage.conf(5): where both sides see the same files under the same names."""

ENTERED = """\
set -eu
mount --rbind "$1" "$1"
for path in /proc /sys /dev "$2"; do
    mkdir -p "$1$path"
    mount --rbind "$path" "$1$path"
done
mount --make-rshared "$1$2"
mount -t tmpfs tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/dev/shm"
cd "$1"
pivot_root . .
umount --lazy .
echo ready
exec sleep infinity
"""
"""ROOT DIRECTORY: have both, and what a kernel shows, in a mount namespace; it lasts as long as this. Mounts
that the machine makes in the directory are seen (mount_namespaces(7)); locks in /dev/shm are its own.

With chroot(8) the root of the namespace would still be the machine's, and so would be the root of every
container's: what is run in one later enters its namespace there (setns(2)), outside of the container."""


@contextmanager
def shared(directory: Path) -> Iterator[None]:
    """Have mounts that are made in the directory seen by others who have it, whatever the machine's own
    mounts do: systemd makes all of them shared, a container's are not."""
    subprocess.run(["mount", "--bind", directory, directory], check=True)
    try:
        subprocess.run(["mount", "--make-shared", directory], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


@contextmanager
def entered(root: Path, seen: Path, directory: Path) -> Iterator[Path]:
    """A script in `directory` that is the podman of a root file system, in a mount namespace that sees the
    files of `seen` as well; the namespace lasts as long as the context."""
    unshare = ["unshare", "--mount", "--propagation=slave", "sh", "-c", ENTERED, "sh", str(root), str(seen)]
    with subprocess.Popen(unshare, stdout=subprocess.PIPE, text=True) as inside:
        try:
            assert inside.stdout is not None and inside.stdout.readline() == "ready\n"
            program = directory / "bin" / "podman"
            program.parent.mkdir()
            program.write_text(
                f'#!/bin/sh\nexec nsenter --target {inside.pid} --mount /usr/bin/podman "$@"\n'
            )
            program.chmod(0o755)
            yield program
        finally:
            inside.kill()


@contextmanager
def running(directory: Path, seen: Path) -> Iterator[Kind]:
    """A podman that keeps everything in `directory`, and sees the files of `seen`, which that is in."""
    root = directory / "root"
    include = f"--include={','.join(PACKAGES)}"
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", include, "trixie", str(root), MIRROR], check=True
    )
    (root / "etc/containers/containers.conf").write_text(CONTAINERS)
    (root / "etc/containers/registries.conf.d/tests.conf").write_text(REGISTRIES)
    (root / "etc/containers/storage.conf").write_text(STORAGE.format(directory=directory))
    with (
        shared(seen),
        entered(root, seen, directory) as program,
        _started(directory, program) as kind,
    ):
        yield kind


@contextmanager
def _started(directory: Path, program: Path) -> Iterator[Kind]:
    """Its service, started and stopped as on a host without systemd."""
    socket = str(directory / "podman.sock")
    kind = replace(
        PODMAN, socket=socket, daemon=(*PODMAN.daemon[:-1], f"unix://{socket}"), log=directory / "log"
    )
    cloud = Cloud("podman", "of-tests", directory / "state")
    cloud.make_directory()
    manifest = Manifest(cloud)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        patch.setattr(daemon, "has_systemd", lambda: False)
        patch.setitem(engines.KINDS, kind.name, kind)
        assert daemon.start(kind, manifest).startswith("started the engine, process ")
        try:
            yield kind
        finally:
            subprocess.run([program, "rm", "--all", "--force", "--time=0"], check=True, capture_output=True)
            (stopped,) = daemon.stop(kind, manifest)
            assert stopped.startswith("stopped the engine, process ")
