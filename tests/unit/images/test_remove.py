from pathlib import Path

from kolla.build_report import BuildReport, BuiltImage
from kolla.images.remove import remove
from kolla.places import Places

from .conftest import FakeEngine

NOTES = BuiltImage(
    name="notes", status="built", identity="f" * 64, id="sha256:1", reference="kolla/notes:t-ffffffffffff"
)
REPORT = BuildReport(release="2026.1", base="debian-13", images={"notes": NOTES})


def test_tags_go_and_what_speaks_of_them_and_locks_stay(tmp_path: Path, engine: FakeEngine) -> None:
    engine.tags = {
        "sha256:0": {"kolla/notes:t-eeeeeeeeeeee"},
        "sha256:1": {"kolla/notes:t-ffffffffffff", "kolla/notes:t"},
        "sha256:2": {"kolla/other:t", "registry:5000/kolla/notes:t"},
    }
    places = Places(tmp_path)
    bill = places.bills / "notes" / "ffffffffffff.cdx.json"
    bill.parent.mkdir(parents=True)
    places.origin.mkdir()
    lock = tmp_path / "packages-debian-13.json"
    for path in (bill, places.build_report, places.build_signature, lock):
        path.write_text("{}")
    assert remove(REPORT, places, "docker") == [
        "kolla/notes:t",
        "kolla/notes:t-eeeeeeeeeeee",
        "kolla/notes:t-ffffffffffff",
    ]
    assert engine.tags == {
        "sha256:0": set(),
        "sha256:1": set(),
        "sha256:2": {"kolla/other:t", "registry:5000/kolla/notes:t"},
    }
    assert list(tmp_path.iterdir()) == [lock]


def test_what_is_gone_already_is_no_error(tmp_path: Path, engine: FakeEngine) -> None:
    assert remove(REPORT, Places(tmp_path), "docker") == []
