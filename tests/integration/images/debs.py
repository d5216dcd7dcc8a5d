"""An archive of packages where Ubuntu has its own: indexed as its release, signed with a key made here.

What is in it are Debian's packages, which are fetched from Debian's servers when somebody asks for them, and
some made here. So apt and mmdebstrap run for real, though Ubuntu's archive is out of reach.
"""

from __future__ import annotations

import hashlib
import lzma
import platform
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker

from kolla.images.package_index import APT_ARCHITECTURES

from .registries import gateway

DEBIAN = "http://deb.debian.org/debian"
RELEASE = "trixie"
"""What the packages are taken from."""

ARCHITECTURE = APT_ARCHITECTURES[platform.machine()]
CODENAME = "noble"
SUITES = {
    "ubuntu": (CODENAME, f"{CODENAME}-updates"),
    "ubuntu-security": (f"{CODENAME}-security",),
}
"""The archives of distributions.yml for ubuntu-24.04, below one directory."""

KEYRING = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")

CONTROL = """\
Package: {name}
Version: {version}
Architecture: all
Maintainer: Kolla tests <nobody@example.org>
Description: A package made by a test
{relations}
"""


@dataclass
class Archive:
    """The archive, and the keys it can be signed with."""

    directory: Path
    debian: dict[str, str] = field(default_factory=dict)
    """Packages Debian has -> their part of its index."""
    made: dict[tuple[str, str], str] = field(default_factory=dict)
    """Name and version of packages made here -> their part of the index."""

    @property
    def root(self) -> Path:
        """What is served."""
        return self.directory / "archive"

    def begin(self) -> None:
        """Have keys, Debian's packages, and the package that brings the key to who uses the archive."""
        (self.directory / "gnupg").mkdir(mode=0o700)
        for who in ("archive", "stranger"):
            self._gpg(
                "--passphrase", "", "--quick-generate-key", f"{who}@example.org", "rsa3072", "sign", "never"
            )
        with urllib.request.urlopen(
            f"{DEBIAN}/dists/{RELEASE}/main/binary-{ARCHITECTURE}/Packages.xz"
        ) as answer:
            parts = lzma.decompress(answer.read()).decode().rstrip().split("\n\n")
        self.debian = {part.partition("\n")[0].removeprefix("Package: "): f"{part}\n" for part in parts}
        # apt depends on the keys of its distribution: here those are ours.
        del self.debian["debian-archive-keyring"]
        self.package("ubuntu-keyring", "1", {str(KEYRING): self.key()}, "Provides: debian-archive-keyring")

    def end(self) -> None:
        """End the program that keeps the keys."""
        run("gpgconf", "--homedir", str(self.directory / "gnupg"), "--kill", "gpg-agent")

    def key(self) -> bytes:
        """The archive's public key."""
        return self._gpg("--export", "archive@example.org")

    def package(self, name: str, version: str, files: dict[str, bytes], *relations: str) -> None:
        """Build and offer a small package: path -> content of each file, all executable."""
        tree = self.directory / "trees" / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        control = CONTROL.format(name=name, version=version, relations="\n".join(relations)).strip()
        (tree / "DEBIAN/control").write_text(f"{control}\n")
        for path, content in files.items():
            file = tree / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755)
        path = f"made/{name}_{version}_all.deb"
        for archive in SUITES:
            (self.root / archive / "made").mkdir(parents=True, exist_ok=True)
        built = self.root / "ubuntu" / path
        run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(built))
        content = built.read_bytes()
        sums = f"Filename: {path}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}"
        self.debian.pop(name, None)
        self.made[name, version] = f"{control}\n{sums}\n"

    def withdraw(self, name: str, version: str) -> None:
        """No longer offer a version of a package."""
        del self.made[name, version]

    def publish(self, signer: str = "archive") -> None:
        """Tell what there is now."""
        for archive, suites in SUITES.items():
            for suite in suites:
                main = "\n".join((*self.made.values(), *self.debian.values())) if suite == CODENAME else ""
                self._publish(
                    self.root / archive / "dists" / suite, suite, {"main": main, "universe": ""}, signer
                )

    def _publish(self, directory: Path, suite: str, components: dict[str, str], signer: str) -> None:
        lines = [f"Suite: {suite}", f"Codename: {suite}", f"Architectures: {ARCHITECTURE}"]
        lines += [
            f"Date: {format_datetime(datetime.now(UTC), usegmt=True)}",
            "Components: main universe",
            "SHA256:",
        ]
        for component, text in components.items():
            index = directory / component / f"binary-{ARCHITECTURE}" / "Packages.xz"
            index.parent.mkdir(parents=True, exist_ok=True)
            # apt looks for the uncompressed one in the list, and fetches the other.
            packed = lzma.compress(text.encode(), preset=0)
            index.write_bytes(packed)
            for path, content in ((index.with_suffix(""), text.encode()), (index, packed)):
                sha256 = hashlib.sha256(content).hexdigest()
                lines.append(f" {sha256} {len(content)} {path.relative_to(directory)}")
        release = directory / "Release"
        release.write_text("".join(f"{line}\n" for line in lines))
        signed = ["--yes", "--local-user", f"{signer}@example.org", "--output", str(directory / "InRelease")]
        self._gpg(*signed, "--clearsign", str(release))

    def _gpg(self, *arguments: str) -> bytes:
        return run("gpg", "--batch", "--quiet", "--homedir", str(self.directory / "gnupg"), *arguments)


class _Served(SimpleHTTPRequestHandler):
    """The files of an archive; for packages of Debian's, the way to Debian."""

    def do_GET(self) -> None:
        archive, _, path = self.path.lstrip("/").partition("/")
        if archive in SUITES and path.startswith("pool/"):
            self.send_response(302)
            self.send_header("Location", f"{DEBIAN}/{path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(archive: Archive, engine: docker.DockerClient) -> Iterator[str]:
    """The address at which containers and this machine reach it."""
    handler = partial(_Served, directory=str(archive.root))
    server = ThreadingHTTPServer((gateway(engine), 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def trusted(archive: Archive) -> Iterator[None]:
    """For a while, this machine takes the archive's key for Ubuntu's."""
    aside = archive.directory / KEYRING.name
    if KEYRING.exists():
        shutil.move(KEYRING, aside)
    KEYRING.write_bytes(archive.key())
    try:
        yield
    finally:
        KEYRING.unlink()
        if aside.exists():
            shutil.move(aside, KEYRING)


def run(*command: str) -> bytes:
    """What a program prints; its complaint is the failure."""
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == 0, f"{command[0]}: {(result.stdout + result.stderr).decode()}"
    return result.stdout
