"""A small distribution of RPM packages, made here: signed, in repositories where Rocky Linux has its own.

Its userland (shell, dnf, rpm, Python) is that of an image of ours on Debian, packed as one RPM package: so
dnf runs inside images and installs RPM packages for real, though Rocky's own are out of reach.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import docker

PARTS = (
    *(f"rocky/10/{name}/x86_64/os" for name in ("BaseOS", "AppStream", "CRB")),
    *("epel/10/Everything/x86_64", "centos/SIGs/10-stream/nfv/x86_64/openvswitch-2"),
    *("rabbitmq/rabbitmq/el/10/noarch", "rabbitmq/erlang/el/10/x86_64"),
)
"""The repositories of distributions.yml for rocky-10, below one directory."""

BASE = "rocky/10/BaseOS/x86_64/os"
KEY = "rocky/RPM-GPG-KEY-Rocky-10"

PROGRAMS = {"dnf": "dnf", "rpmbuild": "rpm", "createrepo_c": "createrepo-c", "gpg": "gnupg"}
"""Programs this needs -> Debian's packages that have them."""

PROVIDED = (
    *("coreutils", "diffutils", "dnf", "dnf-plugins-core", "findutils", "gawk", "glibc-minimal-langpack"),
    *("sed", "shadow-utils", "system-release = 10"),
)
"""What the userland stands for."""

SPEC = """\
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
%global _binary_payload w.ufdio
%global _build_id_links none
Name: {name}
Version: {version}
Release: 1
Summary: A package made by a test
License: Apache-2.0
BuildArch: {architecture}
AutoReqProv: no
{relations}
%description
{name}
%files
%defattr(-,root,root,-)
{files}
"""


def require_programs() -> None:
    """Install the programs that are missing here."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        lock = ["-o", "DPkg::Lock::Timeout=300"]
        run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *lock, *missing)


@dataclass
class Distribution:
    """Repositories of packages, and the key they are signed with."""

    directory: Path

    @property
    def repositories(self) -> Path:
        return self.directory / "repositories"

    def make_key(self) -> None:
        """The key, for the repositories to offer, and empty repositories."""
        (self.directory / "gnupg").mkdir(mode=0o700)
        self._gpg("--passphrase", "", "--quick-generate-key", "Kolla tests", "rsa3072", "sign", "never")
        for part in PARTS:
            (self.repositories / part).mkdir(parents=True)
            self.index(part)
        (self.repositories / KEY).write_text(self._gpg("--armor", "--export", "Kolla tests"))

    def forget_key(self) -> None:
        """End the program that keeps it."""
        run("gpgconf", "--homedir", str(self.directory / "gnupg"), "--kill", "gpg-agent")

    def package(
        self, name: str, version: str, files: dict[str, str], *relations: str, signed: bool = True
    ) -> None:
        """Build, sign and offer a small package: path -> content of each file, all executable."""
        root = self.directory / "roots" / f"{name}-{version}"
        for path, content in files.items():
            file = root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o755)
        self.pack(root, name, version, list(files), "noarch", *relations, signed=signed)

    def userland(self, root: Path) -> None:
        """Offer a whole root file system as one package, without its own package manager."""
        for gone in ("var/lib/dpkg", "usr/bin/apt-get", "usr/bin/apt", "usr/bin/dpkg", "usr/bin/dpkg-query"):
            path = root / gone
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for gone in ("proc", "sys", "dev", "run", "tmp", "mnt"):
            shutil.rmtree(root / gone, ignore_errors=True)
        for file in ("etc/passwd", "etc/group"):
            lines = (root / file).read_text().splitlines(keepends=True)
            (root / file).write_text("".join(line for line in lines if not line.startswith("kolla:")))
        (root / "etc/rpm").mkdir(exist_ok=True)
        (root / "etc/rpm/macros.dbpath").write_text("%_dbpath /usr/lib/sysimage/rpm\n")
        files = [f"/{path.name}" for path in sorted(root.iterdir())]
        relations = [f"Provides: {name}" for name in PROVIDED]
        self.pack(root, "userland", "10", files, "x86_64", *relations)

    def pack(
        self,
        root: Path,
        name: str,
        version: str,
        files: list[str],
        architecture: str,
        *relations: str,
        signed: bool = True,
    ) -> None:
        """Build a package of files that are there, sign it, and offer it."""
        spec = self.directory / f"{name}.spec"
        text = SPEC.format(
            name=name,
            version=version,
            architecture=architecture,
            relations="\n".join(relations),
            files="\n".join(files),
        )
        spec.write_text(text)
        build = [
            "rpmbuild",
            "-bb",
            "--quiet",
            f"--buildroot={root}",
            f"--define=_topdir {self.directory}/rpm",
        ]
        # Without %install, nothing empties the root that was made beforehand.
        run(*build, "--noclean", "--noprep", str(spec))
        (built,) = (self.directory / "rpm/RPMS" / architecture).glob(f"{name}-{version}-1.*.rpm")
        if signed:
            sign = ["rpmsign", "--addsign", "--define=__gpg /usr/bin/gpg", "--define=_gpg_name Kolla tests"]
            run(*sign, f"--define=_gpg_path {self.directory / 'gnupg'}", str(built))
        built.rename(self.repositories / BASE / built.name)

    def withdraw(self, name: str, version: str) -> None:
        """No longer offer a version of a package."""
        for package in (self.repositories / BASE).glob(f"{name}-{version}-1.*.rpm"):
            package.unlink()

    def index(self, part: str = BASE) -> None:
        """Tell what the repository has now."""
        run("createrepo_c", "--quiet", str(self.repositories / part))

    def _gpg(self, *arguments: str) -> str:
        return run("gpg", "--batch", "--homedir", str(self.directory / "gnupg"), *arguments)


@contextmanager
def served(directory: Path, engine: docker.DockerClient) -> Iterator[str]:
    """The address at which containers reach the files of a directory."""
    subnet = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    gateway = str(next(ip_network(subnet).hosts()))
    handler = partial(_Quiet, directory=str(directory))
    server = ThreadingHTTPServer((gateway, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{gateway}:{server.server_port}"
    server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def run(*command: str) -> str:
    """What a program prints; its complaint is the failure."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command[0]}: {result.stdout}{result.stderr}"
    return result.stdout
