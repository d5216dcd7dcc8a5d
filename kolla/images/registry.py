"""The registry of the settings: where it is, and what it wants to know of us."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kolla.errors import InputError, KollaError
from kolla.secret import Secret
from kolla.settings import passwords as keys
from kolla.settings.globals import Globals

PASSWORD = keys.REGISTRY

_FINAL = re.compile(
    r"unauthorized|authentication required|no basic auth|denied|forbidden|incorrect username or password"
    r"|x509|certificate|HTTP response to HTTPS client|invalid reference|does not exist",
    re.IGNORECASE,
)
"""Words of a registry or an engine that the same words will follow when it is asked again."""


@dataclass(frozen=True)
class Registry:
    """A registry and how to reach it."""

    address: str
    """`host[:port]`, possibly with a path."""
    username: str = ""
    password: Secret | None = None
    certificates: Path | None = None
    """PEM file of the authority that signed its certificate, when the system does not know it."""
    insecure: bool = False
    """Reached without TLS, or with a certificate nobody vouches for."""

    @classmethod
    def of(cls, settings: Globals, passwords: Mapping[str, Secret]) -> Registry:
        """The one to push to; InputError when none is set, or what is said of it is not complete."""
        address = str(settings.value("docker_registry") or "")
        if not address:
            raise InputError("there is no registry to push to", hint="set docker_registry in globals.yml")
        username, password = str(settings.value("docker_registry_username") or ""), passwords.get(PASSWORD)
        if username and password is None:
            raise InputError(
                f"docker_registry_username is '{username}', and there is no password for it",
                expected=f"{PASSWORD} in passwords.yml",
            )
        ca_file = str(settings.value("docker_registry_ca") or "")
        if ca_file and not Path(ca_file).is_file():
            raise InputError(
                f"docker_registry_ca: there is no file {ca_file}", expected="a file of PEM certificates"
            )
        return cls(
            address,
            username,
            password if username else None,
            Path(ca_file) if ca_file else None,
            bool(settings.value("docker_registry_insecure")),
        )

    @property
    def host(self) -> str:
        """`host[:port]`, which engines keep certificates and credentials under."""
        return self.address.partition("/")[0]


class RegistryError(KollaError):
    """A registry, or the way to it, said no."""

    @property
    def final(self) -> bool:
        """Whether asking again is in vain: refused credentials, a certificate nobody knows, ..."""
        return bool(_FINAL.search(self.what))


def refused(doing: str, registry: Registry | None, words: str) -> RegistryError:
    """The error for what a registry (or the engine, speaking of it) said, with what to do about it."""
    hint = None
    if re.search(r"x509|certificate", words):
        hint = "set docker_registry_ca and run: kolla bootstrap-servers"
    elif "HTTP response to HTTPS client" in words:
        hint = "it speaks no TLS; set docker_registry_insecure: true and run: kolla bootstrap-servers"
    elif re.search(r"unauthorized|authentication required|no basic auth|denied", words):
        who = f"'{registry.username}'" if registry and registry.username else "nobody, no name is set"
        hint = f"asked as {who}; see docker_registry_username, and {PASSWORD} in passwords.yml"
    return RegistryError(f"{doing}: {words}", hint=hint)
