"""Python software that is not from the lock, built with a real engine and looked at in the image."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kolla.build_report import BuildReport
from kolla.errors import KollaError
from kolla.images import archive, scans
from kolla.images.download import download, find_in_index, trusted
from kolla.images.options import Options
from kolla.images.requirements import Lock
from kolla.images.scan_diff import changes

from .conftest import Image, Workshop
from .gadget import Gadget

Open = Callable[[BuildReport, str], Image]

IMAGES = """\
  workpiece: {parent: openstack-base, python: [gadget], user: worker}
  bystander: {parent: openstack-base, python: [MarkupSafe], user: worker}
"""
ANSWER = "python -c 'import gadget; print(gadget.answer())'"
PYTHON = "/var/lib/kolla/venv/bin/python"


@pytest.fixture
def gadget(workshop: Workshop, tmp_path: Path) -> Gadget:
    workshop.describe(IMAGES)
    return Gadget(tmp_path / "upstream")


def failures(workshop: Workshop) -> dict[str, str]:
    return {e.subject: e.message + "\n".join(e.log) for e in workshop.events if e.status == "failed"}


def test_a_patched_distribution_from_git(
    workshop: Workshop, gadget: Gadget, image: Open, tmp_path: Path
) -> None:
    gadget.git("tag", "3.1.0")
    gadget.patch(tmp_path / "patches", "0001-two.patch", "one", "two")
    gadget.patch(tmp_path / "patches", "0002-three.patch", "two", "three")
    source = {
        "type": "git",
        "location": str(gadget.path),
        "reference": "main",
        "patches": str(tmp_path / "patches"),
    }
    report = workshop.build("workpiece", image_sources={"gadget": source})
    seen = image(report, "workpiece")
    assert seen.run(ANSWER) == "three\n"
    version = "from importlib.metadata import version as v; print(v('gadget'), v('MarkupSafe'))"
    locked = Lock.load("2026.1", "debian-13").requirements["markupsafe"].version
    assert seen.run(f'{PYTHON} -c "{version}"') == f"3.1.0 {locked}\n"
    data = (
        "import gadget, pathlib; print((pathlib.Path(gadget.__file__).parent / 'data/words.txt').read_text())"
    )
    assert "data" in seen.run(f'{PYTHON} -c "{data}"')
    assert str(gadget.path).encode() not in seen.all_text()

    gadget.answer("moved on")
    gadget.commit()
    again = workshop.build("workpiece", image_sources={"gadget": source})
    assert again.image("workpiece").status == "unchanged"


def test_a_patch_that_does_not_apply_is_one_error(workshop: Workshop, gadget: Gadget, tmp_path: Path) -> None:
    gadget.patch(tmp_path / "patches", "0001-nine.patch", "eight", "nine")
    source = {"type": "git", "location": str(gadget.path), "patches": str(tmp_path / "patches")}
    with pytest.raises(KollaError) as caught:
        workshop.build("workpiece", image_sources={"gadget": source})
    assert "patch 0001-nine.patch does not apply" in str(caught.value)
    assert "gadget/__init__.py" in str(caught.value)


def test_a_wrong_checksum_is_refused_before_anything_is_built(
    workshop: Workshop, gadget: Gadget, tmp_path: Path
) -> None:
    packed = tmp_path / "gadget-1.0.tar"
    archive.pack(gadget.path, packed)
    source = {"type": "url", "location": packed.as_uri(), "sha256": "0" * 64}
    with pytest.raises(KollaError, match="another file than wanted"):
        workshop.build("workpiece", image_sources={"gadget": source})


def test_an_edit_of_a_local_checkout_builds_one_image(
    workshop: Workshop, gadget: Gadget, image: Open
) -> None:
    sources = {"gadget": {"type": "local", "location": str(gadget.path)}}
    workshop.build("workpiece", "bystander", image_sources=sources)
    gadget.answer("six")
    report = workshop.build("workpiece", "bystander", image_sources=sources)
    assert {n for n, i in report.images.items() if i.status == "built"} == {"workpiece"}
    assert image(report, "workpiece").run(ANSWER) == "six\n"


def test_what_a_source_needs_and_the_lock_lacks_is_told_by_name(workshop: Workshop, tmp_path: Path) -> None:
    workshop.describe(IMAGES)
    needy = Gadget(tmp_path / "needy", requires="nobody-has-this>=2")
    sources = {"gadget": {"type": "local", "location": str(needy.path)}}
    assert workshop.build("workpiece", image_sources=sources).images["workpiece"].status == "failed"
    assert "nobody-has-this" in failures(workshop)["workpiece"]
    assert "What a source needs" in failures(workshop)["workpiece"]


def test_the_source_of_something_else_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    workshop.describe(IMAGES)
    other = Gadget(tmp_path / "other", name="widget")
    sources = {"gadget": {"type": "local", "location": str(other.path)}}
    assert workshop.build("workpiece", image_sources=sources).images["workpiece"].status == "failed"
    assert "this is the source of 'widget', not of 'gadget'" in failures(workshop)["workpiece"]


def test_a_library_in_another_version_from_the_index(workshop: Workshop, image: Open) -> None:
    """Another version of one library, by the digest of its wheel, and back; told before and after."""
    workshop.describe("  workpiece: {parent: openstack-base, python: [Jinja2], user: worker}\n")
    locked, other = Lock.load("2026.1", "debian-13").requirements["jinja2"].version, "3.1.5"
    assert locked != other
    digest = "aba0f4dc9ed8013c424088f68a5c226f7d6097ed89b246d7749c2ec4175c6adb"  # of that, as a wheel
    workshop.build("workpiece")

    report = workshop.build("workpiece", image_sources={"jinja2": {"type": "pypi", "sha256": digest}})
    version = "import jinja2; print(jinja2.__version__)"
    assert image(report, "workpiece").run(f'{PYTHON} -c "{version}"') == f"{other}\n"
    assert f"jinja2 {locked} -> {other}" in report.image("workpiece").why
    assert last_changes(workshop) == [("downgraded", "jinja2", locked, other)]

    report = workshop.build("workpiece")
    assert image(report, "workpiece").run(f'{PYTHON} -c "{version}"') == f"{locked}\n"
    assert f"jinja2 {other} -> {locked}" in report.image("workpiece").why
    assert last_changes(workshop) == [("upgraded", "jinja2", other, locked)]


def last_changes(workshop: Workshop) -> list[tuple[str, str, str, str]]:
    """What the last build of `workpiece` changed: how, the package, its version before and after."""
    given, _ = workshop.load()
    before, after = (scans.find(word, Options.of(given), workshop.state) for word in ("previous", "current"))
    return [(c.what, c.name, c.before, c.after) for c in changes(before["workpiece"], after["workpiece"])]


def test_a_plugin_from_git_in_the_image_of_its_service(
    workshop: Workshop, image: Open, tmp_path: Path
) -> None:
    plugin = Gadget(tmp_path / "networking-gadget", name="networking-gadget", requires="neutron-lib")
    report = workshop.build(
        "neutron",
        image_overrides={"neutron": {"python": {"append": ["networking-gadget"]}}},
        image_sources={"networking-gadget": {"type": "git", "location": str(plugin.path)}},
    )
    found = (
        "from importlib.metadata import entry_points as e; "
        "print(e(group='neutron.service_plugins')['networking_gadget'].load()())"
    )
    assert image(report, "neutron").run(f'{PYTHON} -c "{found}"') == "one\n"


def sdist_of(distribution: str, workshop: Workshop, directory: Path) -> Path:
    """The files of the source archive that the lock names."""
    given, _ = workshop.load()
    options = Options.of(given)
    transport, ca_file = options.transport, trusted(options.transport, directory)
    index = f"{transport.pypi_index_url}/{distribution}/"
    download(index, directory / "index.html", transport, ca_file)
    page = (directory / "index.html").read_text()
    hashes = Lock.load("2026.1", "debian-13").requirements[distribution].hashes
    links = [find_in_index(page, digest.removeprefix("sha256:"), index) for digest in hashes]
    (url,) = (link for link in links if link and link.endswith(".tar.gz"))
    download(url, directory / "sdist.tar.gz", transport, ca_file)
    unpacked = directory / distribution
    unpacked.mkdir()
    archive.unpack(directory / "sdist.tar.gz", unpacked)
    return unpacked


def test_keystone_from_git_with_a_patch(workshop: Workshop, image: Open, tmp_path: Path) -> None:
    tree = sdist_of("keystone", workshop, tmp_path)
    for made in (tree / "PKG-INFO", *tree.glob("*.egg-info/*")):
        made.unlink()  # what git does not have
    git = ["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "-b", "stable/2026.1"], ["add", "-A", "-f"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], check=True)
    module = tree / "keystone" / "version.py"
    before = module.read_text()
    module.write_text(f"{before}\nSITE = 'ours'\n")
    patches = tmp_path / "patches"
    patches.mkdir()
    patch = subprocess.run([*git, "diff"], check=True, capture_output=True).stdout
    (patches / "site.patch").write_bytes(patch)
    source = {
        "type": "git",
        "location": str(tree),
        "reference": "stable/2026.1",
        "patches": str(patches),
    }
    seen = image(workshop.build("keystone", image_sources={"keystone": source}), "keystone")
    told = (
        "from keystone.version import SITE; from importlib.metadata import version; "
        "print(SITE, version('keystone'))"
    )
    locked = Lock.load("2026.1", "debian-13").requirements["keystone"].version
    assert seen.run(f'{PYTHON} -c "{told}"') == f"ours {locked}\n"
    assert seen.run("keystone-manage --help").startswith("usage: keystone-manage")
    # Data that only git or the archive's own list of files knows of.
    data = (
        "from importlib.resources import files; "
        "print(files('keystone.common.sql').joinpath('alembic.ini').is_file())"
    )
    assert seen.run(f'{PYTHON} -c "{data}"') == "True\n"
