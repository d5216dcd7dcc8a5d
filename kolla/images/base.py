"""The root file system of a base distribution, bootstrapped from its package mirror and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kolla.errors import KollaError
from kolla.images.context import ContextFile
from kolla.images.distribution import Distribution
from kolla.images.options import Options, Transport
from kolla.images.transport import sources
from kolla.places import read_json, write_json

if TYPE_CHECKING:
    from kolla.images.engine import Engine

INCLUDED = ("passwd", "usr-is-merged")
"""Packages beyond what apt needs: useradd, and the one that keeps bookworm from merging /usr with Perl."""

EXCLUDED = ("/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*")
"""Paths dpkg leaves out, now and in every image above; copyright files stay."""

TOOLS = ("mmdebstrap", "debian-archive-keyring")
"""Debian packages the machine that builds images needs."""

SYSTEM_CA_FILE = Path("/etc/ssl/certs/ca-certificates.crt")
"""Where Debian's ca-certificates keeps the authorities this machine trusts."""


@dataclass(frozen=True)
class Base:
    """What the first image is built from: a bootstrapped tarball or a pulled image, never both."""

    tarball: Path | None = None
    sha256: str = ""
    packages: tuple[str, ...] = ()
    """`name=version` of the tarball, sorted."""
    image: str = ""
    """Digest of a pulled image: `debian@sha256:...`."""

    @property
    def context_file(self) -> ContextFile | None:
        """The tarball as part of a build context; its digest is known, so it is not read again."""
        return ContextFile("rootfs.tar", 0o644, self.tarball, digest=self.sha256) if self.tarball else None

    @property
    def at_hand(self) -> bool:
        """Whether an image can be built from it right now."""
        return self.tarball is None or self.tarball.exists()


def recorded(options: Options, state_directory: Path) -> Base | None:
    """What an earlier run made or pulled, even if the tarball is gone.

    None when there is no record, or the recipe is another since.
    """
    known = read_json(_record(options, state_directory))
    if known.get("recipe") != _recipe(options):
        return None
    if options.pull_base:
        return Base(image=known["image"])
    return Base(_tarball(options, state_directory), known["sha256"], tuple(known["packages"]))


def make(
    options: Options, state_directory: Path, engine: Engine, log: Path, *, expected: Base | None
) -> Base:
    """Bootstrap or pull the base and record it.

    `expected` is what must come out, when images were built from it before: KollaError when the
    mirror has moved on since. KollaError as well when the bootstrap fails.
    """
    record = _record(options, state_directory)
    if options.pull_base:
        digest = expected.image if expected else engine.pull(options.distribution.image)
        write_json(record, {"recipe": _recipe(options), "image": digest})
        return Base(image=digest)
    tarball = _tarball(options, state_directory)
    _bootstrap(options.distribution, options.transport, tarball, log)
    base = Base(tarball, _sha256(tarball), tuple(_packages(tarball)))
    moved = sorted(set(expected.packages) - set(base.packages)) if expected else []
    if moved:
        raise KollaError(
            f"the package mirror no longer has {', '.join(moved)}, which the base is locked to",
            hint="run: kolla build --refresh",
        )
    write_json(record, {"recipe": _recipe(options), "sha256": base.sha256, "packages": list(base.packages)})
    return base


def _record(options: Options, state_directory: Path) -> Path:
    kind = "pulled" if options.pull_base else "base"
    return state_directory / f"{kind}-{options.distribution.name}.json"


def _tarball(options: Options, state_directory: Path) -> Path:
    return state_directory / f"base-{options.distribution.name}.tar"


def _bootstrap(distribution: Distribution, transport: Transport, tarball: Path, log: Path) -> None:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise KollaError(
            "mmdebstrap, which makes the base of all images, is not installed",
            hint="run: kolla bootstrap-servers (it looks after hosts of the group deployment), "
            f"or: apt-get install {' '.join(TOOLS)}, or set kolla_base_source: pull",
        )
    # Not in /tmp, which may be mounted so that nothing in it can be run, and beside the state directory
    # rather than in it: apt reads it as a user of its own.
    with tempfile.TemporaryDirectory(prefix="base-", dir=tarball.parent.parent) as name:
        directory = Path(name)
        directory.chmod(0o755)
        made = tarball.with_suffix(".new")
        official = directory / "official.sources"
        official.write_text(_official_sources(distribution))
        command = [program, "--format=tar", *_options()]
        if transport.extra_ca_certificates is not None:
            bundle = directory / "ca.pem"
            own = SYSTEM_CA_FILE.read_bytes() if SYSTEM_CA_FILE.exists() else b""
            bundle.write_bytes(own + transport.extra_ca_certificates.read_bytes())
            command.append(f'--aptopt=Acquire::https::CaInfo "{bundle}"')
        command += [f"--customize-hook={hook}" for hook in _hooks(official)]
        command += [distribution.codename, str(made), "-"]
        # On standard input: a mirror's address may hold a password.
        mirrors = "".join(f"{line}\n" for line in sources(transport, distribution)).encode()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            # SOURCE_DATE_EPOCH: the same packages give the same bytes.
            environment = {**os.environ, **transport.proxies, "SOURCE_DATE_EPOCH": "0", "TMPDIR": name}
            result = subprocess.run(
                command, input=mirrors, stdout=output, stderr=output, env=environment, check=False
            )
        if result.returncode != 0:
            raise KollaError(f"{distribution.name} could not be bootstrapped from {transport.debian_mirror}")
        made.chmod(0o600)
        made.replace(tarball)


def _recipe(options: Options) -> list[str]:
    """Everything of ours that decides what the base holds; a base of another recipe is made anew."""
    distribution = options.distribution
    if options.pull_base:
        return [distribution.image]
    return [distribution.codename, *_options(), *_hooks(Path("official")), _official_sources(distribution)]


def _options() -> list[str]:
    """Options of mmdebstrap."""
    return [
        "--variant=apt",
        f"--include={','.join(INCLUDED)}",
        "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
        *(f"--dpkgopt=path-exclude={path}" for path in EXCLUDED),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=force-unsafe-io",
    ]


def _hooks(official: Path) -> tuple[str, ...]:
    """Shell lines mmdebstrap runs last, "$1" being the new root: nothing of this machine may stay in it."""
    return (
        'rm -f "$1/etc/apt/sources.list" "$1/etc/apt/sources.list.d/"* "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        f"upload {official} /etc/apt/sources.list.d/debian.sources",
        'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/machine-id"',
        'find "$1/var/log" -type f -delete',
    )


def _official_sources(distribution: Distribution) -> str:
    """What an image says about where its packages are from: the distribution's own servers."""
    transport, lines = Transport(), []
    for uri, suites in (
        (transport.debian_mirror, f"{distribution.codename} {distribution.codename}-updates"),
        (transport.debian_security_mirror, f"{distribution.codename}-security"),
    ):
        lines.append(f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main")
        lines.append("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n")
    return "\n".join(lines)


def _packages(tarball: Path) -> list[str]:
    with tarfile.open(tarball) as archive:
        member = archive.extractfile("./var/lib/dpkg/status")
        assert member is not None, "mmdebstrap always writes dpkg's status"
        stanzas = member.read().decode().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in s.splitlines() if ": " in line) for s in stanzas if s]
    return sorted(f"{f['Package']}={f['Version']}" for f in fields)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
