"""Files from the web, on the machine that builds, through the proxy and the authorities of the settings."""

from __future__ import annotations

import re
import tempfile
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from kolla.errors import KollaError
from kolla.images.options import Transport
from kolla.images.retry import retried
from kolla.images.sources import without_credentials
from kolla.images.transport import SYSTEM_CERTIFICATES, authorities

TIMEOUT = 60
"""Seconds without a byte."""


class FetchError(KollaError):
    """A source could not be had; `temporary` when that may be different next time."""

    temporary = True


def trusted(transport: Transport, directory: Path) -> Path | None:
    """A PEM file of the authorities to trust, written to `directory` if they are more than the system's;
    None where the system has no such file."""
    if transport.extra_ca_certificates is None:
        return SYSTEM_CERTIFICATES if SYSTEM_CERTIFICATES.exists() else None
    bundle = directory / "ca.pem"
    bundle.write_bytes(authorities(transport))
    return bundle


def download(url: str, target: Path, transport: Transport, ca_file: Path | None) -> None:
    """Write what a URL (http, https, file) answers to a file; FetchError when it does not."""
    if urlsplit(url).scheme == "file":
        try:
            target.write_bytes(Path(unquote(urlsplit(url).path)).read_bytes())
        except OSError as error:
            raise _lasting(f"{url} cannot be read: {error.strerror}") from None
        return
    import requests

    with requests.Session() as session:
        session.trust_env = False  # what reaches the web is said in the settings
        proxies = {scheme: address for scheme, address in _proxies(transport, url).items() if address}
        try:
            with session.get(
                url, stream=True, timeout=TIMEOUT, proxies=proxies, verify=str(ca_file) if ca_file else True
            ) as answer:
                if 400 <= answer.status_code < 500:
                    raise _lasting(f"{without_credentials(url)} answers {answer.status_code} {answer.reason}")
                answer.raise_for_status()
                with target.open("wb") as file:
                    for chunk in answer.iter_content(1 << 20):
                        file.write(chunk)
        except (requests.RequestException, OSError) as error:
            reason = re.sub(r"://[^/@\s]+@", "://", str(error))
            raise FetchError(f"{without_credentials(url)} cannot be fetched: {reason}") from None


def read_url(url: str, transport: Transport, retries: int) -> bytes:
    """What a URL answers, if it is small; asked again `retries` times where that may help. Errors as those of
    `download`."""
    with tempfile.TemporaryDirectory(prefix="kolla-download-") as name:
        directory = Path(name)
        target = directory / "content"
        ca_file = trusted(transport, directory)
        retried(
            lambda: download(url, target, transport, ca_file),
            retries,
            worthwhile=lambda error: isinstance(error, FetchError) and error.temporary,
            on_retry=lambda attempt, error: None,
        )
        return target.read_bytes()


def find_in_index(page: str, sha256: str, address: str) -> str | None:
    """The URL of the file with a digest on the page of a package index (PEP 503) at `address`."""
    for link in re.findall(r"""href\s*=\s*["']([^"']+)["']""", page):
        url, _, fragment = unescape(link).partition("#")
        if fragment == f"sha256={sha256}":
            return urljoin(address, url)
    return None


def _proxies(transport: Transport, url: str) -> dict[str, str]:
    # Not requests' own rule: for that it changes the environment, which threads share.
    host = urlsplit(url).hostname or ""
    direct = [name.strip().lstrip(".") for name in transport.no_proxy.split(",") if name.strip()]
    if any(name == "*" or host == name or host.endswith(f".{name}") for name in direct):
        return {}
    return {"http": transport.http_proxy, "https": transport.https_proxy}


def _lasting(message: str) -> FetchError:
    error = FetchError(message)
    error.temporary = False
    return error
