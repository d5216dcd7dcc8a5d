import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, KollaError
from kolla.events import Event
from kolla.images import push as pushing
from kolla.images import retry
from kolla.images.processes import Processes
from kolla.images.registry import Registry, RegistryError
from kolla.settings import globals as settings

UNIQUE = "r.example/kolla/{name}:2026.1-debian-13-" + "a" * 12
MOVING = "r.example/kolla/{name}:2026.1-debian-13"


class Pushed:
    """An engine whose pushes are only written down; `answers` are what the registry says first."""

    def __init__(self) -> None:
        self.references: list[str] = []
        self.answers: Iterator[str] = iter(())
        self.refuse: frozenset[str] = frozenset()
        self.tags: dict[str, str] = {}
        self.processes = Processes()
        self.interrupted: str = ""
        """The image during whose push somebody types Ctrl-C."""

    def tag(self, image: str, reference: str) -> None:
        self.tags[reference] = image

    def push(self, reference: str, registry: Registry) -> str:
        words = next(self.answers, None)
        if words:
            raise RegistryError(words)
        if self.interrupted and f"/{self.interrupted}:" in reference:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if reference in self.refuse:
            raise RegistryError(f"denied: {reference}")
        self.references.append(reference)
        return f"{reference.rpartition(':')[0]}@sha256:00"

    def cancel(self) -> None:
        assert self.interrupted
        self.processes.cancel()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Pushed:
    fake = Pushed()
    monkeypatch.setattr(pushing, "connect", lambda name: fake)
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)
    return fake


Load = Callable[..., settings.Globals]


@pytest.fixture
def given(tmp_path: Path, catalogue: Catalogue) -> Load:
    def load(**changes: object) -> settings.Globals:
        text = yaml.safe_dump({"docker_registry": "r.example", "build_threads": 1, **changes})
        (tmp_path / "globals.yml").write_text(text)
        return settings.load(tmp_path, catalogue)

    return load


def report(*names: str, **fields: object) -> BuildReport:
    images = {
        name: BuiltImage.model_validate(
            {
                "name": name,
                "status": "built",
                "identity": "a" * 64,
                "id": f"sha256:{name}",
                "reference": f"kolla/{name}:2026.1-debian-13-{'a' * 12}",
                **fields,
            }
        )
        for name in names
    }
    return BuildReport(release="2026.1", base="debian-13", images=images)


def test_tags_that_move_are_moved_when_everything_else_is_there(
    engine: Pushed, given: Load, tmp_path: Path
) -> None:
    pushed = pushing.push(given(), {}, report("a", "b"), tmp_path)
    assert engine.references == [UNIQUE.format(name="a"), UNIQUE.format(name="b")]
    moved = pushing.promote(given(), {}, pushed, tmp_path)
    assert engine.references[2:] == [MOVING.format(name="a"), MOVING.format(name="b")]
    assert moved.image("a").promoted == MOVING.format(name="a")
    assert BuildReport.load(tmp_path / "build.json") == moved


def test_what_is_there_is_not_pushed_again(engine: Pushed, given: Load, tmp_path: Path) -> None:
    done = pushing.promote(given(), {}, pushing.push(given(), {}, report("a"), tmp_path), tmp_path)
    engine.references.clear()
    again = pushing.promote(given(), {}, pushing.push(given(), {}, done, tmp_path), tmp_path)
    assert engine.references == []
    assert again == done


def test_another_moving_tag_is_moved_without_a_new_push(engine: Pushed, given: Load, tmp_path: Path) -> None:
    done = pushing.promote(given(), {}, pushing.push(given(), {}, report("a"), tmp_path), tmp_path)
    engine.references.clear()
    named = given(docker_image_tag="nightly", image_name_prefix="")
    pushing.promote(named, {}, pushing.push(named, {}, done, tmp_path), tmp_path)
    assert engine.references == ["r.example/kolla/a:nightly"]


def test_another_registry_gets_everything(engine: Pushed, given: Load, tmp_path: Path) -> None:
    done = pushing.promote(given(), {}, pushing.push(given(), {}, report("a"), tmp_path), tmp_path)
    other = given(docker_registry="other.example")
    with pytest.raises(InputError, match=r"not in other\.example yet: a"):
        pushing.promote(other, {}, done, tmp_path)
    there = pushing.push(other, {}, done, tmp_path)
    assert there.image("a").digest == "other.example/kolla/a@sha256:00"
    assert there.image("a").promoted is None


def test_a_prefix_is_part_of_the_names(engine: Pushed, given: Load, tmp_path: Path) -> None:
    prefixed = given(image_name_prefix="acme-")
    done = pushing.promote(prefixed, {}, pushing.push(prefixed, {}, report("a"), tmp_path), tmp_path)
    assert engine.references == [UNIQUE.format(name="acme-a"), MOVING.format(name="acme-a")]
    assert done.image("a").digest == "r.example/kolla/acme-a@sha256:00"


def test_images_that_are_not_published_stay_here(engine: Pushed, given: Load, tmp_path: Path) -> None:
    pushing.push(given(), {}, report("wheels", published=False), tmp_path)
    assert engine.references == []


BINARY = {"kolla_install_type": "binary", "openstack_release": "2025.1"}


def test_images_of_another_install_type_get_no_name_of_this_one(
    engine: Pushed, given: Load, tmp_path: Path
) -> None:
    made = report("base", install_type="binary")
    made = made.model_copy(update={"images": {**report("nova").images, **made.images}})
    events: list[Event] = []
    pushed = pushing.push(given(**BINARY), {}, made, tmp_path, on_event=events.append)
    pushing.promote(given(**BINARY), {}, pushed, tmp_path)
    names = [reference.rpartition(":")[2] for reference in engine.references]
    assert names == ["2025.1-debian-13-binary-" + "a" * 12, "2025.1-debian-13-binary"]
    assert not any("nova" in reference for reference in engine.references)
    assert pushed.image("nova") == made.image("nova")
    told = [event.message for event in events if event.subject == "nova"]
    assert told == ["left out: its install type is source (kolla_install_type)"]


def test_a_hiccup_is_tried_again_and_told(engine: Pushed, given: Load, tmp_path: Path) -> None:
    engine.answers = iter(["503 Service Unavailable", "503 Service Unavailable"])
    events: list[Event] = []
    done = pushing.push(given(), {}, report("a"), tmp_path, on_event=events.append)
    assert done.image("a").digest
    told = [event.message for event in events if event.message.startswith("try ")]
    assert told == ["try 2: 503 Service Unavailable", "try 3: 503 Service Unavailable"]


def test_ctrl_c_does_not_wait_for_the_next_try(
    engine: Pushed, given: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 300.0)
    engine.answers = iter(["503 Service Unavailable"])
    engine.interrupted = "b"
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pushing.push(given(build_threads=2), {}, report("a", "b"), tmp_path)
    assert time.monotonic() - began < 30


def test_as_often_as_the_settings_say(engine: Pushed, given: Load, tmp_path: Path) -> None:
    engine.answers = iter(["503"] * 2)
    with pytest.raises(KollaError, match=r"1 of 1 images did not get to r\.example: 503"):
        pushing.push(given(build_retries=1), {}, report("a"), tmp_path)


def test_a_refusal_ends_it_for_all_with_one_error(engine: Pushed, given: Load, tmp_path: Path) -> None:
    engine.refuse = frozenset({UNIQUE.format(name="b")})
    events: list[Event] = []
    with pytest.raises(KollaError, match=r"2 of 3 images did not get to r\.example: denied"):
        pushing.push(given(), {}, report("a", "b", "c"), tmp_path, on_event=events.append)
    assert engine.references == [UNIQUE.format(name="a")]
    assert {e.subject: e.status for e in events if e.subject} == {"a": "done", "b": "failed", "c": "blocked"}
    kept = BuildReport.load(tmp_path / "build.json")
    assert [kept.images[name].digest is not None for name in ("a", "b", "c")] == [True, False, False]
