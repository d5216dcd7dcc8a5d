"""Publishing through the API: what is done in which order, with an engine that only writes down."""

import shlex
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from kolla import places
from kolla.api import Cloud
from kolla.build_report import BuildReport
from kolla.errors import KollaError
from kolla.images import preparation
from kolla.images import push as pushing
from kolla.images.registry import Registry

from .conftest import FakeEngine

IMAGES = "  notes: {links: {/a: /b}}\n"


class Recorder(FakeEngine):
    """An engine that writes down what is pushed, in a file that a test command can read."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def push(self, reference: str, registry: Registry) -> str:
        with self.path.open("a") as file:
            file.write(f"{reference}\n")
        return f"{reference.rpartition(':')[0]}@sha256:00"

    @property
    def pushed(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(tmp_path / "pushed")
    for module in (preparation, pushing):
        monkeypatch.setattr(module, "connect", lambda name: recorder)
    return recorder


@pytest.fixture
def cloud(tmp_path: Path, engine: Recorder, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud that has an image `notes` to build."""
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    folder = tmp_path / "services" / "notes"
    folder.mkdir(parents=True)
    (folder / "service.yml").write_text(f"name: notes\ntitle: Notes\nimages:\n{IMAGES}")
    settings = {"kolla_base_source": "pull", "docker_registry": "r.example", "build_threads": 1}
    (tmp_path / "globals.yml").write_text(yaml.safe_dump(settings))
    return Cloud(tmp_path, service_paths=[tmp_path / "services"])


def tags(references: Iterable[str]) -> list[str]:
    """`name:immutable` or `name:moving`."""
    kinds = {False: "immutable", True: "moving"}
    return [
        f"{reference.split('/')[-1].split(':')[0]}:{kinds[reference.endswith('2026.1-debian-13')]}"
        for reference in references
    ]


IMMUTABLE = ["base:immutable", "notes:immutable"]
MOVING = ["base:moving", "notes:moving"]


def test_tags_move_after_the_test(cloud: Cloud, engine: Recorder, tmp_path: Path) -> None:
    built = cloud.publish(["^notes$"], {}, f"cp {engine.path} {tmp_path / 'seen'}")
    assert tags((tmp_path / "seen").read_text().split()) == IMMUTABLE
    assert tags(engine.pushed) == [*IMMUTABLE, *MOVING]
    assert built.exit_code == 0
    assert built.report.image("notes").promoted == "r.example/kolla/notes:2026.1-debian-13"


def test_no_tag_moves_when_the_test_fails(cloud: Cloud, engine: Recorder) -> None:
    with pytest.raises(KollaError, match="ended with status 7"):
        cloud.publish(["^notes$"], {}, "exit 7")
    assert tags(engine.pushed) == IMMUTABLE
    report = BuildReport.load(cloud.configuration.places.build_report)
    assert report.image("notes").digest and not report.image("notes").promoted


def test_a_test_may_not_take_for_ever(cloud: Cloud, engine: Recorder, tmp_path: Path) -> None:
    with pytest.raises(KollaError, match=r"took longer than 1 s \(build_test_timeout\)"):
        cloud.publish(["^notes$"], {"test_timeout": 1}, f"sleep 300 & echo $! >{tmp_path / 'pid'}; wait")
    assert tags(engine.pushed) == IMMUTABLE
    child = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    while child.exists() and child.read_text().split()[2] != "Z":  # nobody may be there to collect it
        time.sleep(0.01)


def rewritten(cloud: Cloud, **changes: object) -> str:
    """A test command that leaves another report: as if it had built in the same cloud."""
    path = cloud.configuration.places.build_report
    code = (
        f"import json, pathlib; path = pathlib.Path('{path}'); report = json.loads(path.read_text()); "
        "images = report['images']; notes = images['notes']; "
        "images['new'] = {**notes, 'name': 'new', 'digest': None}; "
        f"notes.update({changes!r}); path.write_text(json.dumps(report))"
    )
    return shlex.join([sys.executable, "-c", code])


def test_what_the_test_built_besides_is_kept_and_not_promoted(cloud: Cloud, engine: Recorder) -> None:
    cloud.publish(["^notes$"], {}, rewritten(cloud, reference="elsewhere/notes:t", digest=None))
    assert tags(engine.pushed) == [*IMMUTABLE, *MOVING]
    report = BuildReport.load(cloud.configuration.places.build_report)
    assert report.image("notes").promoted == "r.example/kolla/notes:2026.1-debian-13"
    assert (report.image("new").digest, report.image("new").promoted) == (None, None)


def test_what_nobody_asked_for_may_be_built_anew_by_the_test(cloud: Cloud, engine: Recorder) -> None:
    cloud.build(["^notes$"])
    cloud.publish(["^base$"], {}, rewritten(cloud, identity="f" * 64, digest=None))
    assert tags(engine.pushed) == ["base:immutable", "base:moving"]
    notes = BuildReport.load(cloud.configuration.places.build_report).image("notes")
    assert (notes.identity, notes.digest, notes.promoted) == ("f" * 64, None, None)


def test_no_tag_moves_when_the_test_tried_something_else(cloud: Cloud, engine: Recorder) -> None:
    with pytest.raises(KollaError, match="built other images than were pushed: notes; no tag was moved"):
        cloud.publish(["^notes$"], {}, rewritten(cloud, identity="f" * 64))
    assert tags(engine.pushed) == IMMUTABLE
    assert BuildReport.load(cloud.configuration.places.build_report).image("notes").identity == "f" * 64


def test_nothing_is_tested_when_the_build_failed(cloud: Cloud, engine: Recorder, tmp_path: Path) -> None:
    engine.broken = {"notes"}
    built = cloud.publish(["^notes$"], {}, f"touch {tmp_path / 'tested'}")
    assert built.exit_code == 1
    assert not (tmp_path / "tested").exists()
    assert tags(engine.pushed) == ["base:immutable"]


def test_push_and_promote_are_two_steps_of_it(cloud: Cloud, engine: Recorder) -> None:
    cloud.build(["^notes$"])
    assert engine.pushed == []
    cloud.push(promote=False)
    assert tags(engine.pushed) == IMMUTABLE
    cloud.promote()
    assert tags(engine.pushed) == [*IMMUTABLE, *MOVING]


def test_build_pushes_when_asked(cloud: Cloud, engine: Recorder) -> None:
    cloud.build(["^notes$"], {"push": True})
    assert tags(engine.pushed) == [*IMMUTABLE, *MOVING]


def test_only_what_was_asked_for_is_pushed(cloud: Cloud, engine: Recorder) -> None:
    cloud.build(["^notes$"])
    cloud.build(["^base$"], {"push": True})
    assert tags(engine.pushed) == ["base:immutable", "base:moving"]
    cloud.publish(["^notes$"])
    assert tags(engine.pushed) == ["base:immutable", "base:moving", "notes:immutable", "notes:moving"]


def test_no_tag_moves_when_an_image_failed_to_build(cloud: Cloud, engine: Recorder) -> None:
    engine.broken = {"notes"}
    cloud.build(["^notes$"])
    with pytest.raises(KollaError, match=r"no tag was moved: the last build has no notes") as caught:
        cloud.push()
    assert "kolla build '^notes$'" in str(caught.value)
    with pytest.raises(KollaError, match="no tag was moved"):
        cloud.promote()
    assert tags(engine.pushed) == ["base:immutable"]


def test_what_may_fail_holds_no_tag_back(cloud: Cloud, engine: Recorder) -> None:
    engine.broken = {"notes"}
    cloud.build(["^notes$"], {"allowed_to_fail": ["^notes$"]})
    cloud.push()
    assert tags(engine.pushed) == ["base:immutable", "base:moving"]
