"""The files and arguments that carry mirrors, index, proxies and CA into RUN instructions of one build.

They travel as BuildKit secrets and predefined build arguments: neither enters a layer, the history, or
the key of the build cache.
"""

from __future__ import annotations

import uuid

from kolla.errors import InputError
from kolla.images.distribution import Distribution
from kolla.images.options import Transport


def secrets(transport: Transport, distribution: Distribution) -> dict[str, bytes]:
    """Secret id -> content, as the helper programs in `scripts/` read them.

    `run` differs from call to call: it tells the programs whether the package index was already
    fetched by this run.
    """
    files = {
        "apt.conf": _apt_conf(transport),
        "sources.list": "".join(f"{line}\n" for line in sources(transport, distribution)),
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


def sources(transport: Transport, distribution: Distribution) -> list[str]:
    """The distribution's archives on the configured mirrors, one line each, as sources.list(5) has them."""
    keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    suite = distribution.codename
    return [
        f"deb {keyring} {transport.debian_mirror} {suite} main",
        f"deb {keyring} {transport.debian_mirror} {suite}-updates main",
        f"deb {keyring} {transport.debian_security_mirror} {suite}-security main",
    ]


def _apt_conf(transport: Transport) -> str:
    lines = [
        'Dir::Etc::sourcelist "/mnt/secrets/sources.list";',
        'Dir::Etc::sourceparts "/dev/null";',
        'Acquire::Languages "none";',
    ]
    if transport.extra_ca_certificates is not None:
        lines.append('Acquire::https::CaInfo "/mnt/ca.pem";')
    return "".join(f"{line}\n" for line in lines)
