"""The files and arguments that carry mirrors, index, proxies and CA into RUN instructions of one build.

They travel as BuildKit secrets and predefined build arguments: neither enters a layer, the history, or
the key of the build cache.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from kolla.catalogue.distribution import Distribution
from kolla.errors import InputError
from kolla.images.options import Transport

CERTIFICATES = "/mnt/ca.pem"
"""Where the helper programs put all authorities to trust, while they run."""


SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Where Debian's ca-certificates keeps the authorities this machine trusts."""


def secrets(transport: Transport, distribution: Distribution) -> dict[str, bytes]:
    """Secret id -> content, as the helper programs in `scripts/` read them.

    `run` differs from call to call: it tells the programs whether the package index was already
    fetched by this run.
    """
    files = {
        **_FILES[distribution.manager](transport, distribution),
        "pip.conf": f"[global]\nindex-url = {transport.pypi_index_url}\n",
        "uv.toml": f'[[index]]\nurl = "{transport.pypi_index_url}"\ndefault = true\n',
        "run": uuid.uuid4().hex,
    }
    contents = {name: text.encode() for name, text in files.items()}
    if transport.extra_ca_certificates is not None:
        try:
            contents["ca.pem"] = transport.extra_ca_certificates.read_bytes()
        except OSError as error:
            raise InputError(f"extra_ca_certificates cannot be read: {error}") from None
    return contents


def authorities(transport: Transport) -> bytes:
    """Certificates, PEM: those this machine trusts, and those of the settings."""
    given = (SYSTEM_CERTIFICATES, transport.extra_ca_certificates)
    return b"".join(path.read_bytes() for path in given if path is not None and path.exists())


def sources(transport: Transport, distribution: Distribution) -> list[str]:
    """The distribution's archives on the configured mirrors, one line each, as sources.list(5) has them."""
    return [
        f"deb [signed-by={repository.key}] {transport.url(repository)} {part}"
        for repository in distribution.repositories
        for part in repository.parts
    ]


def dnf_conf(transport: Transport, distribution: Distribution, certificates: str) -> str:
    """dnf.conf(5) with the distribution's repositories on the configured mirrors, and no others.

    `certificates` is the file of authorities to trust, if any beyond the system's are.
    """
    lines = ["[main]", "reposdir=/dev/null", "gpgcheck=1", "install_weak_deps=0", "tsflags=nodocs"]
    if certificates:
        lines.append(f"sslcacert={certificates}")
    for repository in distribution.repositories:
        url = transport.url(repository)
        key = repository.key if "://" in repository.key else f"{url}/{repository.key}"
        for part in repository.parts:
            name = part.replace("$", "").replace("/", "-")
            lines += [f"[{name}]", f"name={name}", f"baseurl={url}/{part}", f"gpgkey={key}"]
    return "".join(f"{line}\n" for line in lines)


def _apt_files(transport: Transport, distribution: Distribution) -> dict[str, str]:
    return {
        "apt.conf": _apt_conf(transport),
        "sources.list": "".join(f"{line}\n" for line in sources(transport, distribution)),
    }


def _dnf_files(transport: Transport, distribution: Distribution) -> dict[str, str]:
    certificates = CERTIFICATES if transport.extra_ca_certificates else ""
    return {"dnf.conf": dnf_conf(transport, distribution, certificates)}


_FILES = {"apt": _apt_files, "dnf": _dnf_files}
"""What a package manager is told -> the files that tell it."""


def _apt_conf(transport: Transport) -> str:
    lines = [
        'Dir::Etc::sourcelist "/mnt/secrets/sources.list";',
        'Dir::Etc::sourceparts "/dev/null";',
        'Acquire::Languages "none";',
    ]
    if transport.extra_ca_certificates is not None:
        lines.append(f'Acquire::https::CaInfo "{CERTIFICATES}";')
    return "".join(f"{line}\n" for line in lines)
