"""Bootstrapping a distribution that dnf installs: dnf fills a root file system from its repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from kolla.catalogue.distribution import Distribution
from kolla.errors import KollaError
from kolla.images.engine import BuildError, TookTooLong
from kolla.images.options import Transport
from kolla.images.processes import Processes
from kolla.images.transport import authorities, dnf_conf

INCLUDED = (
    *("coreutils", "diffutils", "dnf", "dnf-plugins-core", "findutils", "gawk", "glibc-minimal-langpack"),
    *("sed", "shadow-utils", "system-release"),
)
"""What the helper programs use, and what names the distribution and its own repositories."""

DATABASE = "/usr/lib/sysimage/rpm"
"""Where the family keeps the list of installed packages; other distributions' rpm would put it elsewhere."""

MUTABLE = (
    *("dev", "tmp", "run", "var/tmp", "var/log", "var/cache/dnf", "var/cache/ldconfig", "var/lib/dnf"),
    *("etc/hostname", "etc/resolv.conf", "etc/machine-id"),
)
"""What nothing of may stay: it is of this machine or of this run."""

QUERY = "%{NAME}=%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}.%{ARCH}\n"
"""How rpm is asked for `name=version`, as in the package lock."""


def recipe(distribution: Distribution) -> list[str]:
    """Everything of ours that decides what the base holds."""
    return [distribution.name, *INCLUDED, *MUTABLE]


def bootstrap(
    distribution: Distribution,
    transport: Transport,
    tarball: Path,
    log: Path,
    processes: Processes,
    timeout: int,
) -> list[str]:
    """Write the root file system to `tarball`; gives back its packages, `name=version` each, sorted.

    KollaError when the program is missing, fails, takes longer than `timeout` seconds, or is not run by root,
    whose files it makes; `log` has what it said.
    """
    if missing := [program for program in ("dnf", "rpm") if shutil.which(program) is None]:
        raise KollaError(
            f"{' and '.join(missing)}, which the base of all images is made with, is not installed",
            hint=f"run: apt-get install {' '.join(distribution.tools)}, or set kolla_base_source: pull",
        )
    if os.geteuid() != 0:
        raise KollaError(
            f"only root can bootstrap {distribution.name}",
            hint="run kolla build with sudo, or set kolla_base_source: pull",
        )
    with tempfile.TemporaryDirectory(prefix="base-", dir=tarball.parent.parent) as name:
        directory = Path(name)
        directory.chmod(0o755)
        root = directory / "root"
        log.parent.mkdir(parents=True, exist_ok=True)
        _install(distribution, transport, directory, root, log, processes, timeout)
        _tidy(root)
        made = tarball.with_suffix(".new")
        made.touch(0o600)
        _archive(root, made)
        made.replace(tarball)
        asked = _run(
            ["rpm", f"--root={root}", "--query", "--all", f"--queryformat={QUERY}"], _home(directory)
        )
    return sorted(line for line in asked.replace("=0:", "=").split() if not line.startswith("gpg-pubkey="))


def _install(
    distribution: Distribution,
    transport: Transport,
    directory: Path,
    root: Path,
    log: Path,
    processes: Processes,
    timeout: int,
) -> None:
    certificates = directory / "ca.pem"
    if transport.extra_ca_certificates is not None:
        certificates.write_bytes(authorities(transport))
    config = directory / "dnf.conf"
    config.touch(0o600)  # a mirror's address may hold a password
    config.write_text(dnf_conf(transport, distribution, str(certificates) if certificates.exists() else ""))
    (directory / ".rpmmacros").write_text(f"%_dbpath {DATABASE}\n")
    root.mkdir()
    command = [
        "dnf",
        "--assumeyes",
        f"--config={config}",
        f"--installroot={root}",
        "--setopt=logdir=/var/log",
    ]
    command += [f"--releasever={distribution.version}", f"--setopt=cachedir={directory / 'cache'}"]
    environment = {**transport.proxies, **_home(directory), "SOURCE_DATE_EPOCH": "0"}
    with log.open("ab") as output:
        status = processes.run(
            [*command, "install", *INCLUDED], output, {**os.environ, **environment}, timeout=timeout
        )
    if status is None:
        raise TookTooLong(
            f"the bootstrap of {distribution.name} took longer than {timeout} s (image_build_timeout)"
        )
    if status != 0:
        raise BuildError(f"{distribution.name} could not be bootstrapped from its mirror")


def _home(directory: Path) -> dict[str, str]:
    """The environment in which rpm finds its settings."""
    return {"HOME": str(directory)}


def _tidy(root: Path) -> None:
    for name in MUTABLE:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            for entry in path.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        else:
            path.unlink(missing_ok=True)


def _archive(root: Path, tarball: Path) -> None:
    """The same files give the same bytes, with no time later than the epoch's begin."""
    command = ["tar", "--create", f"--file={tarball}", f"--directory={root}", "--sort=name"]
    command += ["--mtime=@0", "--numeric-owner", "--xattrs", "--xattrs-include=security.capability", "."]
    _run(command, {})


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    result = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    if result.returncode != 0:
        raise KollaError(f"{command[0]} failed: {result.stderr.strip()}")
    return result.stdout
