"""The names of packages a distribution has, from the indexes on its mirrors. Nothing is installed or run.

The indexes are read as they are, without their signatures: a name decides nothing but a message.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import zstandard

from kolla.errors import KollaError
from kolla.images.download import FetchError, read_url
from kolla.images.options import Options, Transport

Fetch = Callable[[str], bytes]
"""URL -> content; KollaError when there is none."""

APT_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The machine's architecture -> apt's name of it."""


def names(options: Options, fetch: Fetch | None = None) -> frozenset[str]:
    """Every name that can be installed on the distribution of the settings, from its mirrors.

    Names that packages only provide are among them. KollaError for a mirror that does not answer.
    """
    distribution, get = options.distribution, fetch or fetcher(options.transport, options.retries)
    read = {"apt": _apt, "dnf": _dnf}[distribution.manager]
    tasks = [
        (options.transport.url(repository), part, options.architecture)
        for repository in distribution.repositories
        for part in repository.parts
    ]
    with ThreadPoolExecutor() as pool:
        return frozenset[str]().union(*pool.map(lambda task: read(get, *task), tasks))


def fetcher(transport: Transport, retries: int) -> Fetch:
    """What gets files over the proxies and with the authorities of the settings, in several tries."""

    def fetch(url: str) -> bytes:
        try:
            return read_url(url, transport, retries)
        except FetchError as error:
            error.hint = (
                "mirrors, proxies and authorities are settings: NAME_mirror, build_https_proxy, "
                "extra_ca_certificates"
            )
            raise

    return fetch


def _apt(fetch: Fetch, url: str, part: str, architecture: str) -> set[str]:
    """The names in an archive's suite and components (apt's repository format)."""
    suite, *components = part.split()
    machine = APT_ARCHITECTURES.get(architecture, architecture)
    found: set[str] = set()
    for component in components:
        index = fetch(f"{url}/dists/{suite}/{component}/binary-{machine}/Packages.xz")
        found |= parse_packages(decompress("Packages.xz", index).decode())
    return found


def _dnf(fetch: Fetch, url: str, part: str, architecture: str) -> set[str]:
    """The names in a repository that createrepo made."""
    base = f"{url}/{part.replace('$basearch', architecture)}"
    location = primary_location(fetch(f"{base}/repodata/repomd.xml"))
    return parse_primary(decompress(location, fetch(f"{base}/{location}")))


def parse_packages(text: str) -> set[str]:
    """Names of the packages in a `Packages` file, and those they provide (deb-control(5))."""
    found = set(re.findall(r"^Package: *(\S+)", text, re.MULTILINE))
    for provided in re.findall(r"^Provides: *(.+)", text, re.MULTILINE):
        found.update(re.findall(r"(?:^|,) *([^\s,:(]+)", provided))
    return found


def primary_location(repomd: bytes) -> str:
    """Where a repository's list of packages is, from its `repomd.xml`; relative to the repository."""
    for data in ElementTree.fromstring(repomd).iterfind("{*}data[@type='primary']/{*}location"):
        return data.attrib["href"]
    raise KollaError("a repository has no list of packages (no 'primary' in its repomd.xml)")


def parse_primary(content: bytes) -> set[str]:
    """Names of the packages in a `primary.xml`, and those they provide."""
    return set(_primary_names(content))


def decompress(name: str, content: bytes) -> bytes:
    """A file without the compression its name tells; KollaError for one nobody here knows."""
    match name.rpartition(".")[2]:
        case "gz":
            return gzip.decompress(content)
        case "xz":
            return lzma.decompress(content)
        case "zst":
            return zstandard.ZstdDecompressor().decompressobj().decompress(content)
        case "xml":
            return content
    raise KollaError(f"{name} is compressed in a way that is not known", expected=".gz, .xz, .zst or none")


def _primary_names(content: bytes) -> Iterator[str]:
    for _, element in ElementTree.iterparse(io.BytesIO(content)):
        match element.tag.rpartition("}")[2]:
            case "name" if element.text:
                yield element.text
            case "package":
                for entry in element.iterfind("{*}format/{*}provides/{*}entry"):
                    yield entry.attrib["name"]
                element.clear()
