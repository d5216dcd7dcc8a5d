import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kolla import places
from kolla.build_report import BuildReport
from kolla.catalogue.catalogue import Catalogue
from kolla.cli.main import invoke
from kolla.errors import InputError, KollaError
from kolla.events import Event
from kolla.images.build import build
from kolla.results import Built
from kolla.settings import globals as settings

from .conftest import FakeEngine, MakeCatalogue

Build = Callable[..., BuildReport]

IMAGES = "  notes: {links: {/a: /b}}\n  child: {parent: notes}\n  other: {}\n"


@pytest.fixture
def run(tmp_path: Path, make_catalogue: MakeCatalogue) -> Build:
    """Builds images of the service `notes` on a pulled base; `events` hears of it."""

    def run_it(
        *names: str,
        images: str = IMAGES,
        events: list[Event] | None = None,
        say: str = "",
        **options: bool,
    ) -> BuildReport:
        (tmp_path / "globals.yml").write_text(f"kolla_base_source: pull\n{say}")
        catalogue: Catalogue = make_catalogue(images)
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        listener = (lambda event: None) if events is None else events.append
        given = settings.load(tmp_path, catalogue)
        return build(given, catalogue, names, state, on_event=listener, **options)

    return run_it


def statuses(report: BuildReport) -> dict[str, str]:
    return {name: image.status for name, image in report.images.items()}


def test_what_another_run_built_is_not_told_again(run: Build, engine: FakeEngine) -> None:
    assert statuses(run("child")) == {"base": "built", "notes": "built", "child": "built"}
    assert statuses(run("other")) == {
        "base": "unchanged",
        "notes": "unchanged",
        "child": "unchanged",
        "other": "built",
    }
    assert engine.built == ["base", "notes", "child", "other"]


def test_what_cannot_be_built_now_stays_as_it_was(run: Build, engine: FakeEngine) -> None:
    before = run("child")
    engine.broken = {"notes"}
    changed = IMAGES.replace("/b", "/c")
    report = run("child", "other", images=changed)
    assert statuses(report) == {"base": "unchanged", "notes": "failed", "child": "skipped", "other": "built"}
    for name in ("notes", "child"):
        old, new = before.image(name), report.image(name)
        assert (new.id, new.identity, new.reference) == (old.id, old.identity, old.reference)
    engine.broken, engine.built = set(), []
    again = run("child", images=changed)
    assert engine.built == ["notes", "child"]
    assert again.image("notes").identity != before.image("notes").identity


BINARY = "openstack_release: '2025.1'\nkolla_install_type: binary\n"


def test_the_report_says_of_which_install_type_each_image_is(run: Build, engine: FakeEngine) -> None:
    run("child", "other", say="openstack_release: '2025.1'\n")
    engine.broken = {"child"}
    report = run(
        "child", say=BINARY, images=IMAGES.replace("{parent: notes}", "{parent: notes, links: {/x: /y}}")
    )
    types = {name: image.install_type for name, image in report.images.items()}
    assert types == {"base": "binary", "notes": "binary", "child": "source", "other": "source"}


def test_the_revision_changes_with_the_inputs_and_with_nothing_else(run: Build, engine: FakeEngine) -> None:
    def revision(*, images: str) -> str:
        engine.built, engine.tags = [], {}  # so everything is built again
        run("child", images=images)
        assert engine.built[-1] == "child"
        return engine.labels["org.opencontainers.image.revision"]

    assert revision(images=IMAGES) == revision(images=IMAGES)
    assert revision(images=IMAGES) != revision(images=IMAGES.replace("/b", "/c"))


def test_an_image_that_was_never_built_has_no_id(run: Build, engine: FakeEngine) -> None:
    engine.broken = {"notes"}
    report = run("child")
    assert [report.images[name].id for name in ("notes", "child")] == [None, None]


def test_the_log_of_an_earlier_failure_explains_no_other(run: Build, engine: FakeEngine) -> None:
    engine.broken = {"base"}
    failed = run("base").images["base"]
    assert failed.log
    assert failed.error == "the reason"
    engine.space = False
    events: list[Event] = []
    assert run("base", events=events).images["base"].log is None
    (failure,) = (event for event in events if event.subject and event.status == "failed")
    assert (failure.message, failure.log) == ("no space to build images\n  hint: make room", ())
    engine.broken, engine.space = set(), True
    run("base")
    assert run("notes").images["base"].error == ""


def test_a_failed_image_decides_the_exit_code_and_is_named_with_its_log(
    tmp_path: Path,
    make_catalogue: MakeCatalogue,
    engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    (tmp_path / "globals.yml").write_text("kolla_base_source: pull\n")
    make_catalogue(IMAGES)
    engine.broken = {"notes"}
    given = ["--configdir", str(tmp_path), "--service-path", str(tmp_path / "services")]
    assert invoke(["build", "child", "other", *given]) == 1
    log = tmp_path / "state" / "kolla" / "logs" / "build" / "notes.log"
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["failed", "notes", str(log)] in lines
    assert lines[lines.index(["failed", "notes", str(log)]) + 1] == ["the", "reason"]
    assert ["skipped", "child"] in lines
    assert any(line[:2] == ["built", "other"] for line in lines)


def test_parents_that_are_skipped_stay_as_they_are(run: Build, engine: FakeEngine) -> None:
    before = run("child")
    engine.built = []
    changed = IMAGES.replace("/b", "/c")
    report = run(
        "child",
        images=changed.replace("{parent: notes}", "{parent: notes, links: {/d: /e}}"),
        skip_parents=True,
    )
    assert engine.built == ["child"]
    assert report.image("notes") == before.image("notes").model_copy(
        update={"status": "unchanged", "why": "taken as it is", "seconds": 0.0, "log": None}
    )
    assert "base" not in {name for name, image in report.images.items() if image.status == "built"}


PYTHON = "  tool: {parent: openstack-base, python: [Jinja2]}\n  child: {parent: tool}\n"


@pytest.mark.parametrize("words", ["skip_parents", "skip_existing"])
def test_software_is_built_on_a_wheelhouse_that_is_taken(run: Build, engine: FakeEngine, words: str) -> None:
    """Nothing is known then of what the wheelhouse is made with but what an earlier run made of it."""
    run("child", images=PYTHON)
    changed = PYTHON.replace("[Jinja2]", "[Jinja2, PyMySQL]")
    for tags in engine.tags.values():
        tags -= {tag for tag in tags if "/tool:" in tag}
    engine.built = []
    run("tool", images=changed, **{words: True})
    assert engine.built == ["tool"]
    run("tool", images=changed)
    assert engine.built == ["tool"], "it is what a run makes that looks at everything"


def test_software_is_built_on_a_wheelhouse_from_elsewhere(run: Build, engine: FakeEngine) -> None:
    for name in ("openstack-base", "wheelhouse"):
        engine.tags[f"sha256:{name}"] = {f"kolla/{name}:2026.1-debian-13"}
    report = run("tool", images=PYTHON, skip_parents=True)
    assert engine.built == ["tool"]
    assert report.image("tool").inputs is not None
    assert report.image("tool").inputs.images["wheelhouse"] == "wheelhouse"


def test_parents_to_be_skipped_must_be_there(run: Build, engine: FakeEngine) -> None:
    run("notes")
    engine.built = []
    for tags in engine.tags.values():
        tags.discard("kolla/notes:2026.1-debian-13")
    with pytest.raises(InputError, match="these do not exist: notes"):
        run("child", "other", skip_parents=True)
    assert engine.built == []


def test_what_exists_can_be_taken_though_it_changed(run: Build, engine: FakeEngine) -> None:
    before = run("notes")
    engine.built = []
    report = run("child", images=IMAGES.replace("/b", "/c"), skip_existing=True)
    assert engine.built == ["child"]
    assert report.image("notes").identity == before.image("notes").identity


def test_a_prefix_is_in_the_names_of_images_and_nowhere_else(run: Build, engine: FakeEngine) -> None:
    prefix = "image_name_prefix: acme-\n"
    report = run("child", say=prefix)
    tags = {tag for tags in engine.tags.values() for tag in tags}
    assert {tag.partition(":")[0] for tag in tags} == {
        "kolla/acme-base",
        "kolla/acme-notes",
        "kolla/acme-child",
    }
    assert str(report.image("notes").reference).startswith("kolla/acme-notes:2026.1-debian-13-")
    engine.built = []
    assert set(statuses(run("child", say=prefix)).values()) == {"unchanged"}
    run(
        "child",
        images=IMAGES.replace("{parent: notes}", "{parent: notes, links: {/x: /y}}"),
        say=prefix,
        skip_parents=True,
    )
    assert engine.built == ["child"]


def test_images_of_another_release_are_found_again(run: Build, engine: FakeEngine) -> None:
    """Also after others were built under the same moving names, and by what a lock kept of their packages."""
    older, newer = "openstack_release: '2025.2'\n", "openstack_release: '2026.1'\n"
    before = run("child", say=older)
    run("child", say=newer)
    engine.built = []
    events: list[Event] = []
    report = run("child", say=older, events=events)
    assert engine.built == []
    assert statuses(report) == dict.fromkeys(["base", "notes", "child"], "unchanged")
    assert {image.why for image in report.images.values()} == {"built earlier from the same"}
    for name in ("base", "notes", "child"):
        old, new = before.image(name), report.image(name)
        assert (new.id, new.identity, new.inputs) == (old.id, old.identity, old.inputs)
    assert "built earlier from the same" in {event.message for event in events}


def test_going_back_to_what_was_before_builds_nothing(run: Build, engine: FakeEngine) -> None:
    before = run("child")
    run("child", images=IMAGES.replace("/b", "/c"))
    engine.built = []
    report = run("child")
    assert engine.built == []
    assert report.image("child").id == before.image("child").id
    assert report.image("notes").why == "Dockerfile changed; built earlier from the same"
    assert "kolla/child:2026.1-debian-13" in engine.tags[str(before.image("child").id)]
    assert set(statuses(run("child", refresh=True)).values()) == {"built", "unchanged"}
    assert "child" in engine.built


def test_an_image_from_elsewhere_stands_for_itself(run: Build, engine: FakeEngine) -> None:
    engine.tags["sha256:abcdefabcdefabcdef"] = {"kolla/notes:2026.1-debian-13"}
    report = run("child", skip_parents=True)
    assert report.image("notes").identity == "abcdefabcdefabcdef"
    assert report.image("notes").reference == "kolla/notes:2026.1-debian-13-abcdefabcdef"
    assert engine.built == ["child"]


MAY_FAIL = "build_allowed_to_fail: ['^notes$']\n"


def test_what_may_fail_does_not_fail_the_run(run: Build, engine: FakeEngine, tmp_path: Path) -> None:
    engine.broken = {"notes"}
    events: list[Event] = []
    report = run("child", "other", say=MAY_FAIL, events=events)
    assert statuses(report) == {"base": "built", "notes": "failed", "child": "skipped", "other": "built"}
    assert [image.name for image in report.images.values() if image.may_fail] == ["notes", "child"]
    assert Built(report, tmp_path).exit_code == 0
    assert "failed     notes                    (allowed to fail)" in Built(report, tmp_path).text()
    assert events[-1].status == "done"


def test_what_may_fail_excuses_nothing_else(run: Build, engine: FakeEngine, tmp_path: Path) -> None:
    engine.broken = {"notes", "other"}
    report = run("child", "other", say=MAY_FAIL)
    assert Built(report, tmp_path).exit_code == 1
    assert [image.name for image in report.images.values() if image.fails_the_build] == ["other"]


def test_a_fetch_that_failed_is_tried_again(
    run: Build, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(engine.processes, "wait", pauses.append)
    busy = "#5 1.0 E: Failed to fetch http://deb.example/x.deb  503  Service Unavailable\n"
    engine.hiccups = {"notes": [busy, busy], "other": [busy] * 9}
    events: list[Event] = []
    assert statuses(run("child", "other", events=events)) == {
        "base": "built",
        "notes": "built",
        "child": "built",
        "other": "failed",
    }
    assert sorted(pauses) == [1, 1, 2, 2, 4]
    assert len(engine.hiccups["other"]) == 5, "one try, and the three that build_retries allows"
    (failure,) = (event for event in events if event.subject == "other" and event.status == "failed")
    assert "a fetch failed again and again" in failure.message


def test_a_base_that_could_not_be_pulled_is_tried_again(
    run: Build, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(engine.processes, "wait", pauses.append)
    engine.busy = ["received unexpected HTTP status: 503 Service Unavailable"] * 2
    assert statuses(run("base")) == {"base": "built"}
    assert pauses == [1, 2]


def test_a_base_that_nobody_has_is_asked_for_once(run: Build, engine: FakeEngine) -> None:
    engine.busy = ["manifest unknown", "never asked"]
    assert statuses(run("base")) == {"base": "failed"}
    assert engine.busy == ["never asked"]


def test_what_cannot_be_found_out_of_one_image_fails_that_image_alone(run: Build, engine: FakeEngine) -> None:
    engine.unreadable = {"notes"}
    events: list[Event] = []
    report = run("child", "other", events=events)
    assert statuses(report) == {"base": "built", "notes": "failed", "child": "skipped", "other": "built"}
    assert report.images["notes"].id is None
    (failure,) = (event for event in events if event.subject == "notes" and event.status == "failed")
    assert "cannot read sha256:" in failure.message
    assert not any("kolla/notes" in tag for tags in engine.tags.values() for tag in tags)


def test_nor_does_it_when_the_image_was_there_already(run: Build, engine: FakeEngine, tmp_path: Path) -> None:
    before = run("child", "other")
    for bill in (tmp_path / "state" / "sbom" / "notes").iterdir():
        bill.unlink()
    engine.unreadable = {"notes"}
    report = run("child", "other")
    assert statuses(report) == {
        "base": "unchanged",
        "notes": "failed",
        "child": "skipped",
        "other": "unchanged",
    }
    assert report.image("notes").id == before.image("notes").id


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """From now on there is no space for files whose name has a certain end."""
    mkstemp = tempfile.mkstemp

    def fill(suffix: str) -> None:
        def make(*, dir: Path, prefix: str) -> tuple[int, str]:
            descriptor, name = mkstemp(dir=dir, prefix=prefix)
            return (os.open("/dev/full", os.O_WRONLY), name) if f"{suffix}." in prefix else (descriptor, name)

        monkeypatch.setattr(places.tempfile, "mkstemp", make)

    return fill


def test_a_disk_that_is_full_of_bills_fails_those_images(
    run: Build, engine: FakeEngine, full_disk: Callable[[str], None], tmp_path: Path
) -> None:
    full_disk(".cdx.json")
    events: list[Event] = []
    assert statuses(run("notes", events=events)) == {"base": "failed", "notes": "skipped"}
    (failure,) = (event for event in events if event.subject and event.status == "failed")
    assert f"no space left on this machine, in {tmp_path / 'state' / 'sbom' / 'base'}" in failure.message
    assert list((tmp_path / "state" / "sbom" / "base").iterdir()) == []


def test_a_disk_that_is_too_full_for_the_report_is_one_clear_error(
    run: Build, engine: FakeEngine, full_disk: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk("build.json")
    monkeypatch.setattr(engine, "cancel", engine.processes.cancel)
    with pytest.raises(KollaError, match=r"no space left on this machine, in .*state$"):
        run("notes")


def test_what_fails_by_itself_is_tried_once(run: Build, engine: FakeEngine) -> None:
    engine.hiccups = {"notes": ["#5 1.0 no such header\n", "#5 1.0 never reached\n"]}
    assert run("notes").images["notes"].status == "failed"
    assert len(engine.hiccups["notes"]) == 1


def test_a_run_may_end_with_the_first_failure(run: Build, engine: FakeEngine) -> None:
    images = "".join(f"  image{number}: {{links: {{/a: /{number}}}}}\n" for number in range(9))
    names = [f"image{number}" for number in range(9)]
    run("image8", images=images)
    engine.broken, engine.built = {"image0"}, []
    report = run(*names, images=images, say="build_keep_going: false\nbuild_threads: 1\n")
    assert engine.built == []
    assert statuses(report) == {
        "base": "unchanged",
        "image0": "failed",
        **dict.fromkeys(names[1:8], "skipped"),
        "image8": "unchanged",
    }
    assert run(*names, images=images).images["image1"].status == "built"
