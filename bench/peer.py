"""Today's kolla from PyPI, made ready to build images on this machine beside ours.

What it needs from servers that not every machine reaches (an index of vendors' repositories, their keys) is
left out, which makes it faster than it is in real life, never slower.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CODENAME = "trixie"
NAMESPACE = "kolla-bench-peer"
TAG = "bench"
BASE = f"debian:{CODENAME}"
"""What its builds begin with, made here because it comes from a registry otherwise."""

OVERRIDE = """\
{% extends parent_template %}
{% block base_header %}
COPY bench-ca.pem bench-extrepo /tmp/
RUN install -D -m 0644 /tmp/bench-ca.pem /etc/kolla-bench-ca.pem \\
    && install -m 0755 /tmp/bench-extrepo /usr/local/bin/extrepo
ENV PIP_CERT=/etc/kolla-bench-ca.pem SSL_CERT_FILE=/etc/kolla-bench-ca.pem \\
    REQUESTS_CA_BUNDLE=/etc/kolla-bench-ca.pem
{% endblock %}
{% block base_ubuntu_package_key_installation %}
{% endblock %}
"""


@dataclass(frozen=True)
class Peer:
    """An installed peer and what its builds are given, below one directory."""

    directory: Path

    @property
    def program(self) -> Path:
        """Its `kolla-build`."""
        return self.directory / "venv" / "bin" / "kolla-build"

    def install(self) -> None:
        """Its newest release, in a virtual environment of its own."""
        environment = self.directory / "venv"
        _run(sys.executable, "-m", "venv", str(environment))
        _run(str(environment / "bin" / "pip"), "install", "--quiet", "kolla", "docker")

    @property
    def rendered(self) -> Path:
        """Where it writes Dockerfiles."""
        return self.directory / "rendered"

    @property
    def render(self) -> tuple[str, ...]:
        """The command that renders every template of Debian's images, again if need be."""
        where = ("--work-dir", str(self.rendered))
        return (str(self.program), "--base", "debian", "--template-only", *where, "--quiet")

    def prepare(self, *, keystone: str, constraints: Path, authorities: Path) -> None:
        """Everything its builds need: the base, a source of keystone (`29.1.0`), OpenStack's upper
        constraints, and a file of the certificate authorities to trust."""
        base = self.directory / "base.tar"
        packages = "--include=ca-certificates"
        _run("mmdebstrap", "--quiet", "--variant=minbase", packages, CODENAME, str(base))
        _run("docker", "import", str(base), BASE)
        base.unlink()
        pip = str(self.directory / "venv" / "bin" / "pip")
        source = ["--no-deps", "--no-binary", ":all:", "--dest", str(self.directory)]
        _run(pip, "download", "--quiet", *source, f"keystone=={keystone}")
        requirements = self.directory / "requirements.tar.gz"
        with tarfile.open(requirements, "w:gz") as archive:
            info = tarfile.TarInfo("requirements/upper-constraints.txt")
            content = constraints.read_bytes()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        extra = self.directory / "docker" / "base"
        extra.mkdir(parents=True)
        shutil.copyfile(authorities, extra / "bench-ca.pem")
        (extra / "bench-extrepo").write_text("#!/bin/sh\nexit 0\n")
        (self.directory / "override.j2").write_text(OVERRIDE)
        sdist = self.directory / f"keystone-{keystone}.tar.gz"
        (self.directory / "kolla-build.conf").write_text(
            f"[openstack-base]\ntype = local\nlocation = {requirements}\n"
            f"[keystone-base]\ntype = local\nlocation = {sdist}\n"
        )

    @property
    def builder(self) -> str:
        """What it builds with here. Its default is Docker's plugin buildx, which Debian 12 does not have."""
        found = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False)
        return "buildkit" if found.returncode == 0 else "nobuildkit"

    def build(self, names: Sequence[str]) -> None:
        """Build images and those they are built from, as an operator does."""
        given = {
            "--config-file": self.directory / "kolla-build.conf",
            "--base": "debian",
            "--base-image": "debian",
            "--base-tag": CODENAME,
            "--namespace": NAMESPACE,
            "--tag": TAG,
            "--template-override": self.directory / "override.j2",
            "--docker-dir": self.directory / "docker",
            "--work-dir": self.directory / "work",
            "--logs-dir": self.directory / "logs",
            "--summary-json-file": self.directory / "summary.json",
            "--retries": 0,
        }
        for folder in ("work", "logs"):
            (self.directory / folder).mkdir(exist_ok=True)
        arguments = [str(part) for option in given.items() for part in option]
        _run(str(self.program), *arguments, f"--{self.builder}", "--nopull", *(f"^{name}$" for name in names))

    def reference(self, name: str) -> str:
        """What one of its images is called."""
        return f"{NAMESPACE}/{name}:{TAG}"


def _run(*command: str) -> None:
    # Our package has the peer's name: a path to it would hide theirs.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
