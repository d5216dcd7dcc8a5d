"""Names of packages, from the indexes of mirrors."""

import gzip
import lzma
from collections.abc import Callable, Iterable
from xml.sax.saxutils import quoteattr

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.distribution import Distribution
from kolla.errors import KollaError
from kolla.images import check_packages, package_index
from kolla.images.graph import Graph
from kolla.images.options import Options, Transport

from .conftest import MakeCatalogue

UBUNTU = Distribution.named("ubuntu", "24.04")
NAME = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,12}", fullmatch=True)
PACKAGES = st.dictionaries(NAME, st.lists(NAME, max_size=3), max_size=5)
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    "": bytes,
}


def packages_file(packages: dict[str, list[str]]) -> str:
    """As apt's archives have it; every second provided name has a version, some an architecture."""
    stanzas = []
    for name, provided in packages.items():
        entries = [f"{p} (= 1.0~rc1)" if i % 2 else f"{p}:any" for i, p in enumerate(provided)]
        provides = f"Provides: {', '.join(entries)}\n" if provided else ""
        stanzas.append(f"Package: {name}\nDepends: not-{name}\n{provides}Description: it\n Package: no\n")
    return "\n".join(stanzas)


def primary(packages: dict[str, list[str]]) -> bytes:
    """As createrepo writes it."""
    rpm = "http://linux.duke.edu/metadata/rpm"

    def entries(names: Iterable[str]) -> str:
        return "".join(f"<rpm:entry name={quoteattr(name)}/>" for name in names)

    inside = "".join(
        f"<package type='rpm'><name>{name}</name><format><rpm:provides>{entries(provided)}</rpm:provides>"
        f"<rpm:requires>{entries([f'not-{name}'])}</rpm:requires></format></package>"
        for name, provided in packages.items()
    )
    return (
        f"<metadata xmlns='http://linux.duke.edu/metadata/common' xmlns:rpm='{rpm}'>{inside}</metadata>"
    ).encode()


def flat(packages: dict[str, list[str]]) -> set[str]:
    return {*packages, *(name for provided in packages.values() for name in provided)}


@given(PACKAGES)
def test_apt_knows_packages_and_what_they_provide(packages: dict[str, list[str]]) -> None:
    assert package_index.parse_packages(packages_file(packages)) == flat(packages)


@given(PACKAGES)
def test_dnf_knows_packages_and_what_they_provide(packages: dict[str, list[str]]) -> None:
    assert package_index.parse_primary(primary(packages)) == flat(packages)


@given(st.sampled_from(sorted(COMPRESS)), st.binary(max_size=100))
def test_every_usual_compression_is_read(suffix: str, content: bytes) -> None:
    assert package_index.decompress(f"primary.xml{suffix}", COMPRESS[suffix](content)) == content


def test_an_unusual_compression_is_named() -> None:
    with pytest.raises(KollaError, match=r"primary\.xml\.br is compressed"):
        package_index.decompress("primary.xml.br", b"")


def fetch(files: dict[str, bytes]) -> package_index.Fetch:
    def one(url: str) -> bytes:
        if url not in files:
            raise KollaError(f"cannot read {url}")
        return files[url]

    return one


def test_all_of_apt_s_suites_and_components_are_read() -> None:
    transport = Transport(
        {"ubuntu_mirror": "http://one.example", "ubuntu_security_mirror": "http://two.example"}
    )
    options = Options(
        "2026.1", Distribution.named("ubuntu", "24.04"), architecture="aarch64", transport=transport
    )
    files = {
        f"http://{host}.example/dists/{suite}/{component}/binary-arm64/Packages.xz": lzma.compress(
            f"Package: {suite}-{component}\n".encode()
        )
        for host, suites in {"one": ("noble", "noble-updates"), "two": ("noble-security",)}.items()
        for suite in suites
        for component in ("main", "universe")
    }
    names = package_index.names(options, fetch(files))
    assert {"noble-main", "noble-updates-universe", "noble-security-main"} <= names
    assert len(names) == 6


def test_all_of_dnf_s_repositories_are_read() -> None:
    options = Options("2026.1", Distribution.named("rocky", "10"), architecture="x86_64")
    repomd = (
        "<repomd xmlns='http://linux.duke.edu/metadata/repo'>"
        "<data type='filelists'><location href='no'/></data>"
        "<data type='primary'><location href='repodata/1-primary.xml.zst'/></data></repomd>"
    )
    urls = [f"{r.url}/{part}" for r in options.distribution.repositories for part in r.parts]
    files = {}
    for number, url in enumerate(url.replace("$basearch", "x86_64") for url in urls):
        files[f"{url}/repodata/repomd.xml"] = repomd.encode()
        packages = primary({f"package-{number}": []})
        files[f"{url}/repodata/1-primary.xml.zst"] = COMPRESS[".zst"](packages)
    assert package_index.names(options, fetch(files)) == {f"package-{n}" for n in range(len(urls))}


def test_a_mirror_that_does_not_answer_is_named_without_its_password() -> None:
    transport = Transport({"debian_mirror": "http://reader:word@127.0.0.1:9/debian"})
    options = Options("2026.1", Distribution.named("debian", "13"), transport=transport, retries=0)
    with pytest.raises(KollaError, match=r"127\.0\.0\.1:9/debian/dists/trixie.* cannot be fetched") as caught:
        package_index.names(options)
    assert "word" not in str(caught.value)


def test_a_name_nobody_has_is_told_with_its_place_and_the_nearest(make_catalogue: MakeCatalogue) -> None:
    images = (
        "  notes:\n    packages:\n      debian: [jq]\n      ubuntu: [curll]\n    unpacked: {debian: [gone]}\n"
    )
    catalogue = make_catalogue(images)
    graph = Graph.of(catalogue).select(["notes"])
    known = {
        "curl",
        "jq",
        *Distribution.named("ubuntu", "24.04").packages(graph.nodes["base"].image.packages),
    }
    found = check_packages.findings(graph, catalogue, Distribution.named("ubuntu", "24.04"), known)
    bad = {f["subject"]: f for f in found if not f["ok"]}
    assert set(bad) == {"curll", "gone"}
    assert {f["check"] for f in bad.values()} == {"notes"}
    assert bad["curll"]["host"] == "ubuntu-24.04"
    assert bad["curll"]["message"].endswith("notes/service.yml:9: no such package")
    assert bad["curll"]["hint"] == "did you mean 'curl'?"
    on_debian = check_packages.findings(
        graph, catalogue, Distribution.named("debian", "13"), {*known, "gone"}
    )
    assert all(finding["ok"] for finding in on_debian)


def test_packages_of_install_type_binary_count_where_it_is_built(make_catalogue: MakeCatalogue) -> None:
    catalogue = make_catalogue("  notes: {python: [flask], binary: {packages: {debian: [notes-api]}}}\n")
    debian = Distribution.named("debian", "13")
    for binary in (False, True):
        graph = Graph.of(catalogue, binary=binary).select(["notes"])
        found = {f["subject"]: f["message"] for f in check_packages.findings(graph, catalogue, debian, ())}
        assert ("notes-api" in found) == binary
    assert found["notes-api"].endswith("notes/service.yml:6: no such package")


def test_every_image_of_the_catalogue_is_looked_at(catalogue: Catalogue) -> None:
    rocky = Distribution.named("rocky", "10")
    graph = Graph.of(catalogue)
    found = check_packages.findings(graph, catalogue, rocky, ())
    assert {(f["check"], f["subject"]) for f in found} >= {
        ("memcached", "memcached"),
        ("nova-novncproxy", "novnc"),
    }
    assert not any(finding["ok"] for finding in found)
