"""The image all hosts of a rig run: a Debian root with systemd, sshd and a container engine."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound

FILES = Path(__file__).parent / "image"
REPOSITORY = "kolla-rig-node"
SUITE = "trixie"
PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "dbus",
    "docker-cli",
    "docker-registry",
    "docker.io",
    "e2fsprogs",
    "iproute2",
    "iptables",
    "openssh-server",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
)
PLACES = {
    "node-init": "/usr/local/sbin/node-init",
    "limits.conf": "/etc/systemd/system/docker.service.d/limits.conf",
    "registry@.socket": "/etc/systemd/system/registry@.socket",
    "registry@.service": "/etc/systemd/system/registry@.service",
    "registry.yml": "/etc/rig/registry.yml",
    "containers.conf": "/etc/containers/containers.conf.d/rig.conf",
}
HOOKS = (
    'cd "$1/etc" && mkdir -p rig systemd/system/docker.service.d systemd/system/containerd.service.d',
    'mkdir -p "$1/etc/containers/containers.conf.d"',
    *(f'cp "{{files}}/{name}" "$1{place}"' for name, place in PLACES.items()),
    'cp "{files}/limits.conf" "$1/etc/systemd/system/containerd.service.d/limits.conf"',
    'chroot "$1" systemctl mask systemd-udevd.service systemd-udev-trigger.service'
    " systemd-modules-load.service getty.target console-getty.service docker-registry.service",
    'rm -f "$1"/etc/ssh/ssh_host_*',
)
"""What mmdebstrap does in the root ($1) once the packages are installed; {files} is our folder."""

UNWANTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
CHANGES = ('ENTRYPOINT ["/usr/local/sbin/node-init"]', "ENV container=docker")


def ensure(client: docker.DockerClient, mirror: str) -> str:
    """The image's tag; it is built (under a minute) only when nothing like it is there yet."""
    tag = f"{REPOSITORY}:{_identity()}"
    try:
        client.images.get(tag)
    except ImageNotFound:
        _build(client, tag, mirror)
    return tag


def _identity() -> str:
    contents = [(file.name, file.read_text()) for file in sorted(FILES.iterdir())]
    inputs = json.dumps([SUITE, PACKAGES, UNWANTED, CHANGES, HOOKS, contents])
    return hashlib.sha256(inputs.encode()).hexdigest()[:16]


def _build(client: docker.DockerClient, tag: str, mirror: str) -> None:
    with tempfile.TemporaryDirectory(prefix="kolla-rig-") as directory:
        root = Path(directory) / "root.tar"
        made = subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={','.join(PACKAGES)}",
                *(f"--dpkgopt=path-exclude={path}" for path in UNWANTED),
                *(f"--customize-hook={hook.format(files=FILES)}" for hook in HOOKS),
                SUITE,
                str(root),
                mirror,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise RuntimeError(f"the image of the hosts cannot be built:\n{made.stdout[-4000:]}")
        repository, _, version = tag.partition(":")
        client.api.import_image(src=str(root), repository=repository, tag=version, changes=list(CHANGES))
