"""Bootstrapping a distribution that apt installs: mmdebstrap fills a root file system from its mirror."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from kolla.catalogue.distribution import Distribution
from kolla.errors import KollaError
from kolla.images.engine import BuildError, TookTooLong
from kolla.images.options import Transport
from kolla.images.processes import Processes
from kolla.images.transport import authorities, sources

INCLUDED = ("passwd", "usr-is-merged")
"""Packages beyond what apt needs: useradd, and the one that keeps bookworm from merging /usr with Perl."""

EXCLUDED = ("/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*")
"""Paths dpkg leaves out, now and in every image above; copyright files stay."""


def recipe(distribution: Distribution) -> list[str]:
    """Everything of ours that decides what the base holds."""
    return [
        distribution.codename,
        *_options(),
        *_hooks(distribution, Path("official")),
        _official(distribution),
    ]


def bootstrap(
    distribution: Distribution,
    transport: Transport,
    tarball: Path,
    log: Path,
    processes: Processes,
    timeout: int,
) -> list[str]:
    """Write the root file system to `tarball`; gives back its packages, `name=version` each, sorted.

    KollaError when the program is missing, fails, or takes longer than `timeout` seconds; `log` has what it
    said.
    """
    program = shutil.which("mmdebstrap")
    if program is None:
        raise KollaError(
            "mmdebstrap, which makes the base of all images, is not installed",
            hint="run: kolla bootstrap-servers (it looks after hosts of the group deployment), "
            f"or: apt-get install {' '.join(distribution.tools)}, or set kolla_base_source: pull",
        )
    # Not in /tmp, which may be mounted so that nothing in it can be run, and beside the state directory
    # rather than in it: apt reads it as a user of its own.
    with tempfile.TemporaryDirectory(prefix="base-", dir=tarball.parent.parent) as name:
        directory = Path(name)
        directory.chmod(0o755)
        made = tarball.with_suffix(".new")
        official = directory / "official.sources"
        official.write_text(_official(distribution))
        command = [*_apart(), program, "--format=tar", *_options()]
        if transport.extra_ca_certificates is not None:
            bundle = directory / "ca.pem"
            bundle.write_bytes(authorities(transport))
            command.append(f'--aptopt=Acquire::https::CaInfo "{bundle}"')
        command += [f"--customize-hook={hook}" for hook in _hooks(distribution, official)]
        command += [distribution.codename, str(made), "-"]
        # On standard input: a mirror's address may hold a password.
        mirrors = "".join(f"{line}\n" for line in sources(transport, distribution)).encode()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # SOURCE_DATE_EPOCH: the same packages give the same bytes.
            environment = {**os.environ, **transport.proxies, "SOURCE_DATE_EPOCH": "0", "TMPDIR": name}
            status = processes.run(command, output, environment, given=mirrors, timeout=timeout)
        if status is None:
            raise TookTooLong(
                f"the bootstrap of {distribution.name} took longer than {timeout} s (image_build_timeout)"
            )
        if status != 0:
            raise BuildError(f"{distribution.name} could not be bootstrapped from its mirror")
        made.chmod(0o600)
        made.replace(tarball)
    return _packages(tarball)


def _apart() -> list[str]:
    """What gives the program a mount namespace of its own (unshare(1)): nobody else sees /proc of its chroot,
    which a copy of the directory would hold on to, and none is left, however it ends. Without root it makes
    one itself."""
    return ["unshare", "--mount"] if os.geteuid() == 0 else []


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


def _hooks(distribution: Distribution, official: Path) -> tuple[str, ...]:
    """Shell lines mmdebstrap runs last, "$1" being the new root: nothing of this machine may stay in it."""
    return (
        'rm -f "$1/etc/apt/sources.list" "$1/etc/apt/sources.list.d/"* "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        f"upload {official} /etc/apt/sources.list.d/{distribution.distro}.sources",
        'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/machine-id"',
        'find "$1/var/log" -type f -delete',
    )


def _official(distribution: Distribution) -> str:
    """What an image says about where its packages are from: the distribution's own servers."""
    lines = []
    for repository in distribution.repositories:
        suites = " ".join(part.split()[0] for part in repository.parts)
        components = repository.parts[0].partition(" ")[2]
        lines.append(f"Types: deb\nURIs: {repository.url}\nSuites: {suites}\nComponents: {components}")
        lines.append(f"Signed-By: {repository.key}\n")
    return "\n".join(lines)


def _packages(tarball: Path) -> list[str]:
    with tarfile.open(tarball) as archive:
        member = archive.extractfile("./var/lib/dpkg/status")
        assert member is not None, "mmdebstrap always writes dpkg's status"
        stanzas = member.read().decode().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in s.splitlines() if ": " in line) for s in stanzas if s]
    return sorted(f"{f['Package']}={f['Version']}" for f in fields)
