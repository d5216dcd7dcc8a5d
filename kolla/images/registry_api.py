"""A registry asked without an engine, for what engines cannot push: signatures.

By the OCI distribution specification; how it wants to be told who asks is that of Docker's registry
(distribution.github.io/distribution/spec/auth/token).
"""

from __future__ import annotations

import ipaddress
import json
import re
from functools import cached_property
from typing import Any

import requests
from docker.auth import load_config

from kolla.images.registry import Registry, RegistryError, refused
from kolla.images.signature import digest_of

TIMEOUT = 60
"""Seconds one answer may take."""


class Repository:
    """One repository of a registry; not to be used by several threads."""

    def __init__(self, registry: Registry, name: str) -> None:
        """`name` is as in a reference, with the registry: `registry.example.org:5000/kolla/base`."""
        self.registry = registry
        self._host, _, self._path = name.partition("/")
        self._name = name
        self._session = requests.Session()
        self._session.verify = str(registry.certificates) if registry.certificates else not registry.insecure

    def manifest(self, reference: str, media_type: str) -> dict[str, Any] | None:
        """The manifest of a tag or digest; None when there is none."""
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": media_type}, missing=True)
        return None if answer is None else dict(json.loads(answer.content))

    def put_manifest(self, reference: str, content: bytes, media_type: str) -> None:
        """Give the registry a manifest; what it names must be there."""
        self._ask("PUT", f"manifests/{reference}", data=content, headers={"Content-Type": media_type})

    def blob(self, digest: str) -> bytes:
        """What has this digest; RegistryError when that is not what the registry gives."""
        answer = self._ask("GET", f"blobs/{digest}")
        content = answer.content if answer is not None else b""
        if digest_of(content) != digest:
            raise RegistryError(f"{self._name} has something else under {digest}")
        return content

    def put_blob(self, content: bytes) -> None:
        """Give the registry some bytes."""
        answer = self._ask("POST", "blobs/uploads/")
        assert answer is not None, "only what may be missing is None"
        place = requests.compat.urljoin(answer.url, answer.headers["Location"])
        headers = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", place, params={"digest": digest_of(content)}, data=content, headers=headers)

    def _ask(self, method: str, path: str, *, missing: bool = False, **content: Any) -> Any:
        """One answer; None for what is `missing`, if it may be. RegistryError with the registry's words."""
        url = path if "://" in path else f"{self._scheme}://{self._host}/v2/{self._path}/{path}"
        doing = f"cannot {'read' if method == 'GET' else 'write'} signatures in {self._name}"
        try:
            answer = self._session.request(method, url, timeout=TIMEOUT, **content)
            if answer.status_code == 401 and self._introduce(answer):
                answer = self._session.request(method, url, timeout=TIMEOUT, **content)
        except requests.RequestException as error:
            raise refused(doing, self.registry, str(error)) from None
        if answer.status_code == 404 and missing:
            return None
        if not answer.ok:
            raise refused(doing, self.registry, answer.text.strip() or str(answer.status_code))
        return answer

    @cached_property
    def _scheme(self) -> str:
        if not self.registry.insecure and not _is_loopback(self._host):
            return "https"
        try:
            self._session.get(f"https://{self._host}/v2/", timeout=TIMEOUT)
        except requests.RequestException:
            return "http"
        return "https"

    def _introduce(self, answer: requests.Response) -> bool:
        """Say who asks, in the way the registry wants; False when there is none."""
        scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        credentials = self._credentials
        if scheme.lower() == "basic" and credentials:
            self._session.auth = credentials
            return True
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme.lower() != "bearer" or "realm" not in wanted:
            return False
        question = {"service": wanted.get("service", ""), "scope": f"repository:{self._path}:pull,push"}
        told = requests.get(
            wanted["realm"], question, auth=credentials, timeout=TIMEOUT, verify=self._session.verify
        )
        document = told.json() if told.ok else {}
        token = document.get("token") or document.get("access_token")
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        return bool(token)

    @property
    def _credentials(self) -> tuple[str, str] | None:
        """Those of the settings, or those that Docker's client was logged in with."""
        if self.registry.password is not None and self._host == self.registry.host:
            return self.registry.username, self.registry.password.reveal()
        # A file of Docker's has small letters, a program that keeps passwords has capitals.
        found = {k.lower(): v for k, v in (load_config().resolve_authconfig(self._host) or {}).items()}
        return (found["username"], found["password"]) if found.get("username") else None


def _is_loopback(host: str) -> bool:
    """Whether it is this machine, which engines reach without TLS as well."""
    name = host.rpartition(":")[0] or host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
