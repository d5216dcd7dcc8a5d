import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import pytest
import yaml

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError
from kolla.images import bundle, signature, signing
from kolla.places import Places, write_json
from kolla.settings import globals as settings

from .test_signature import key_file

CONFIG = json.dumps({"rootfs": {"diff_ids": []}}).encode()
ID = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
LAYER = random.Random(0).randbytes(3 << 20)


class Shelf:
    """An engine that gives out one archive, and has the images of every archive it is given."""

    def __init__(self, images: dict[str, set[str]] | None = None) -> None:
        self.tags = images or {}
        self.loaded = b""

    def save(self, references: Iterable[str]) -> Iterator[bytes]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, content in ((f"{ID[7:]}.json", CONFIG), ("a/layer.tar", LAYER)):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            link = tarfile.TarInfo("b/layer.tar")
            link.type, link.linkname = tarfile.SYMTYPE, "../a/layer.tar"
            archive.addfile(link)
        whole = buffer.getvalue()
        yield from (whole[at : at + 70_000] for at in range(0, len(whole), 70_000))

    def load(self, archive: IO[bytes]) -> None:
        self.loaded = archive.read()
        self.tags.setdefault(ID, set())

    def images(self) -> dict[str, frozenset[str]]:
        return {image: frozenset(tags) for image, tags in self.tags.items()}

    def tag(self, image: str, reference: str) -> None:
        self.tags[image].add(reference)

    def require_space(self, directory: Path) -> None:
        pass


REPORT = BuildReport(
    release="2026.1",
    base="debian-13",
    images={
        "base": BuiltImage(
            name="base",
            status="built",
            identity="a" * 64,
            id=ID,
            reference="origin.example/kolla/base:2026.1-debian-13-aaaaaaaaaaaa",
            digest="origin.example/kolla/base@sha256:00",
            sbom="sbom/base/a.cdx.json",
        ),
        "builder": BuiltImage(
            name="builder", status="built", identity="b" * 64, id="sha256:b", published=False
        ),
    },
)
Load = Callable[..., settings.Globals]


@pytest.fixture
def given(tmp_path: Path, catalogue: Catalogue) -> Load:
    def load(**changes: object) -> settings.Globals:
        (tmp_path / "globals.yml").write_text(yaml.safe_dump(changes))
        return settings.load(tmp_path, catalogue)

    return load


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The state directory of the site without network."""
    directory = tmp_path / "site"
    directory.mkdir()
    return directory


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """The state directory of where the images are built."""
    directory = tmp_path / "origin"
    (directory / "sbom" / "base").mkdir(parents=True)
    (directory / "sbom" / "base" / "a.cdx.json").write_text("{}")
    return directory


@pytest.fixture
def written(tmp_path: Path, origin: Path, given: Load, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle."""
    write_json(origin / "packages-debian-13.json", {"images": {"base": ["jq=1 aa"]}})
    write_json(origin / "base-debian-13.json", {"recipe": []})
    monkeypatch.setattr(bundle, "connect", lambda name: Shelf())
    path = tmp_path / "out.tar"
    bundle.write(given(), REPORT, ["base", "builder"], origin, path)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """What signs where the images are built."""
    return key_file(tmp_path / "signing.key")


@pytest.fixture
def signed(written: Path, origin: Path, key: Path, given: Load) -> Path:
    """A bundle of a part of a signed build."""
    other = BuiltImage(
        name="other", status="built", identity="d" * 64, id="sha256:d", reference="kolla/other:d"
    )
    whole = REPORT.model_copy(update={"images": {**REPORT.images, "other": other}})
    whole.save(Places(origin).build_report)
    signing.sign_report(Places(origin), signature.private_key(key, None))
    bundle.write(given(), whole, ["base"], origin, written, signed=True)
    return written


@pytest.fixture
def engine(written: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The engine of the site."""
    shelf = Shelf()
    for module in (bundle, signing):
        monkeypatch.setattr(module, "connect", lambda name: shelf)
    return shelf


def test_what_comes_out_is_what_went_in(written: Path, engine: Shelf, given: Load, site: Path) -> None:
    report = bundle.load(given(), written, site)
    assert engine.loaded == written.read_bytes()
    assert report == BuildReport.load(site / "build.json")
    assert report.image("base").id == ID
    assert report.images["builder"].identity == "b" * 64
    assert {p.name for p in site.iterdir()} >= {
        "build.json",
        "packages-debian-13.json",
        "base-debian-13.json",
    }
    assert (site / "sbom" / "base" / "a.cdx.json").read_text() == "{}"


def test_images_get_the_names_they_have_here(written: Path, engine: Shelf, given: Load, site: Path) -> None:
    here = given(docker_registry="site.example", docker_namespace="ours")
    found = bundle.load(here, written, site).image("base")
    assert found.reference == "site.example/ours/base:2026.1-debian-13-aaaaaaaaaaaa"
    assert engine.tags[ID] == {found.reference, "site.example/ours/base:2026.1-debian-13"}
    assert (found.digest, found.status) == (None, "unchanged")
    assert found.why == "loaded from out.tar"


def test_a_prefix_of_the_site_is_part_of_them(written: Path, engine: Shelf, given: Load, site: Path) -> None:
    found = bundle.load(given(image_name_prefix="acme-"), written, site).image("base")
    assert found.reference == "kolla/acme-base:2026.1-debian-13-aaaaaaaaaaaa"
    assert engine.tags[ID] == {found.reference, "kolla/acme-base:2026.1-debian-13"}


def test_what_the_site_had_stays(written: Path, engine: Shelf, given: Load, site: Path) -> None:
    own = BuiltImage(name="own", status="built", identity="c" * 64, id="sha256:c", reference="kolla/own:x")
    REPORT.model_copy(update={"images": {"own": own}}).save(site / "build.json")
    write_json(site / "packages-debian-13.json", {"images": {"own": ["bc=1 bb"]}})
    assert bundle.load(given(), written, site).images.keys() == {"base", "builder"}
    assert BuildReport.load(site / "build.json").images.keys() == {"own", "base", "builder"}
    packages = json.loads((site / "packages-debian-13.json").read_text())["images"]
    assert packages == {"own": ["bc=1 bb"], "base": ["jq=1 aa"]}


def told_of_the_report(given: settings.Globals, site: Path) -> tuple[bool, str]:
    """What `kolla build --verify` says of the build report."""
    (found,) = (f for f in signing.verify(given, {}, site) if f["check"] == "report")
    return found["ok"], found["message"]


def test_a_signature_crosses_with_the_report_it_is_over(
    signed: Path, engine: Shelf, given: Load, site: Path, origin: Path, key: Path, tmp_path: Path
) -> None:
    loaded = bundle.load(given(docker_registry="site.example"), signed, site)
    assert (site / "origin" / "build.json").read_bytes() == Places(origin).build_report.read_bytes()
    assert told_of_the_report(given(build_signing_key=str(key)), site) == (True, "signed where it was made")

    ok, message = told_of_the_report(given(build_signing_key=str(key_file(tmp_path / "other.key"))), site)
    assert (ok, "signed with another key" in message) == (False, True)

    own = BuiltImage(name="own", status="built", identity="c" * 64, id="sha256:c", reference="kolla/own:x")
    changed = loaded.image("base").model_copy(update={"identity": "e" * 64})
    loaded.model_copy(update={"images": {"base": changed, "own": own}}).save(Places(site).build_report)
    told = told_of_the_report(given(build_signing_key=str(key)), site)
    assert told == (False, "base, own: not in the report that was signed")


def test_what_is_loaded_later_is_not_signed_by_what_was_there_before(
    signed: Path, engine: Shelf, given: Load, site: Path, key: Path, origin: Path, tmp_path: Path
) -> None:
    here = given(build_signing_key=str(key))
    bundle.load(here, signed, site)
    signing.sign_report(Places(site), signature.private_key(key, None))
    assert told_of_the_report(here, site) == (True, "signed")
    bundle.load(here, signed, site)
    assert told_of_the_report(here, site) == (True, "signed where it was made")
    bundle.write(here, REPORT, ["base"], origin, signed)
    bundle.load(here, signed, site)
    assert told_of_the_report(here, site) == (False, "it is not signed")


def test_a_bundle_that_is_not_as_its_signed_report_says_is_refused(
    signed: Path, engine: Shelf, given: Load, site: Path, origin: Path
) -> None:
    changed = REPORT.image("base").model_copy(update={"identity": "e" * 64})
    bundle.write(
        given(),
        REPORT.model_copy(update={"images": {"base": changed}}),
        ["base"],
        origin,
        signed,
        signed=True,
    )
    with pytest.raises(InputError, match="image 'base' is not as the signed report says; nothing was loaded"):
        bundle.load(given(), signed, site)
    assert engine.loaded == b""


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_found_before_anything_is_loaded(
    written: Path, engine: Shelf, given: Load, site: Path, seed: int
) -> None:
    content = bytearray(written.read_bytes())
    at = random.Random(seed).choice(_offsets_that_matter(written))
    content[at] ^= 0xFF
    written.write_bytes(content)
    with pytest.raises(InputError):
        bundle.load(given(), written, site)
    assert engine.loaded == b""
    assert not (site / "build.json").exists()


def _offsets_that_matter(path: Path) -> list[int]:
    """Places in the content of members."""
    with tarfile.open(path) as archive:
        members = [member for member in archive if member.isfile()]
    chooser = random.Random(1)
    return [m.offset_data + chooser.randrange(m.size) for m in members for _ in range(5)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_the_beginning_of_one_is_refused(
    written: Path, engine: Shelf, given: Load, site: Path, share: float
) -> None:
    content = written.read_bytes()
    written.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError):
        bundle.load(given(), written, site)
    assert engine.loaded == b""


@pytest.mark.parametrize(
    "other",
    [
        {"openstack_release": "2025.1"},
        {"kolla_base_distro_version": "12"},
        {"openstack_release": "2025.1", "kolla_install_type": "binary"},
    ],
    ids=str,
)
def test_one_for_another_release_base_or_install_type_is_refused(
    written: Path, engine: Shelf, given: Load, site: Path, other: dict[str, str]
) -> None:
    with pytest.raises(InputError, match=r"for OpenStack 2026\.1 on debian-13"):
        bundle.load(given(**other), written, site)
    assert engine.loaded == b""


def test_the_install_type_alone_is_refused_as_well(
    written: Path, engine: Shelf, given: Load, site: Path, tmp_path: Path
) -> None:
    other = {"openstack_release": "2025.1", "kolla_install_type": "binary"}
    report = REPORT.model_copy(update={"release": "2025.1"})
    with pytest.raises(InputError, match="image 'base' is of install type source"):
        bundle.write(given(**other), report, ["base"], tmp_path / "origin", tmp_path / "b.tar")
    bundle.write(given(openstack_release="2025.1"), report, ["base"], tmp_path / "origin", tmp_path / "s.tar")
    with pytest.raises(InputError, match=r"2025\.1 on debian-13 \(source\)") as caught:
        bundle.load(given(**other), tmp_path / "s.tar", site)
    assert "2025.1 on debian-13 (binary)" in str(caught.value)
    assert engine.loaded == b""


def test_an_engine_that_calls_images_otherwise_is_told(
    written: Path, engine: Shelf, given: Load, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "images", lambda: {"sha256:other": frozenset()})
    with pytest.raises(KollaError, match="something else"):
        bundle.load(given(), written, site)
    assert not (site / "build.json").exists()


def test_a_disk_that_is_full_of_bundles_is_one_clear_error(
    written: Path, given: Load, tmp_path: Path
) -> None:
    (tmp_path / ".full.tar.new").symlink_to("/dev/full")
    with pytest.raises(KollaError, match=f"no space left on this machine, in {tmp_path}"):
        bundle.write(given(), REPORT, ["base"], tmp_path / "origin", tmp_path / "full.tar")
    assert not (tmp_path / "full.tar").exists()


def test_a_bundle_that_could_not_be_written_leaves_the_old_one(
    written: Path, given: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Shelf):
        def save(self, references: Iterable[str]) -> Iterator[bytes]:
            yield from [b"x" * 512]
            raise KollaError("docker save failed: no such image")

    before = written.read_bytes()
    monkeypatch.setattr(bundle, "connect", lambda name: Failing())
    with pytest.raises(KollaError):
        bundle.write(given(), REPORT, ["base"], tmp_path / "origin", written)
    assert written.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
