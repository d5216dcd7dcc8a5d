"""Keeping revisions: real files, made-up changes."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kolla.build_report import BuiltImage
from kolla.catalogue.model import Impact
from kolla.config.merge import Merged
from kolla.errors import KollaError, LockedError
from kolla.events import Event, Status, ignore
from kolla.hosts import owner
from kolla.revisions.recording import recording
from kolla.revisions.store import Store, told
from kolla.state.desired import Desired, DesiredContainer, DesiredJob
from kolla.state.plan import Plan, VolumeOperation
from kolla.state.render import RenderedFile, RenderedFolder
from kolla.state.revision import Deployer, Revision, Source
from kolla.state.spec import ContainerSpec

OPERATIONS = tuple(
    VolumeOperation(id=f"volume:{name}@one", host="one", service="x", causes=("why",), volume=name, epoch="e")
    for name in ("a", "b")
)
PLAN = Plan(cloud_name="kolla", cloud_id="an-id", precondition="p", operations=OPERATIONS)


def desired(*texts: str) -> Desired:
    """One container with files."""
    files = {
        f"{number}.conf": RenderedFile(Merged(text, {"": "template"}), "text")
        for number, text in enumerate(texts)
    }
    container = DesiredContainer(
        host="one",
        service="web",
        name="web",
        spec=ContainerSpec(name="web", image="sha256:1"),
        image=BuiltImage(name="web", status="built", identity="i", id="sha256:1", reference="kolla/web:1"),
        config=RenderedFolder("/etc/kolla/web", files),
        after=(),
        start_timeout=30,
        endpoints=(),
        redundant=False,
        sockets=(),
        user=42999,
        behind=(),
        impact=Impact(),
        sources={},
    )
    return Desired(
        cloud_name="kolla",
        cloud_id="an-id",
        hosts=("one",),
        containers=(container,),
        jobs=(),
        checks=(),
        verbs=(),
        host_needs={},
        requirements=(),
        endpoints={},
        secrets=frozenset({"geheim"}),
    )


def revision(state: str = "s") -> Revision:
    return Revision(
        number=0,
        verb="deploy",
        who=Deployer.model_validate(owner("deploy")),
        started=datetime.now(UTC),
        cloud_name="kolla",
        cloud_id="an-id",
        source=Source(release="2026.1", base="debian-13", settings={}),
        state=state,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "revisions")


def make(store: Store, *texts: str, statuses: tuple[Status, Status] = ("done", "done")) -> int:
    """A change, from beginning to end."""
    with recording(store, revision(), PLAN, desired(*texts), ignore) as recorder:
        for operation, status in zip(OPERATIONS, statuses, strict=True):
            recorder.see(Event("deploy", "started", operation.id, "one"))
            recorder.see(Event("deploy", status, operation.id, "one", message="why not"))
    return recorder.revision.number


def test_nothing_was_deployed_yet(store: Store) -> None:
    assert store.all() == ()


def test_a_change_is_kept_with_its_plan_and_the_state_it_led_to(store: Store) -> None:
    number = make(store, "word = geheim\r\n", "ü")
    (kept,) = store.all()
    assert (kept.number, kept.result, kept.done, kept.failures) == (number, "done", 2, ())
    assert kept.ended is not None and kept.ended >= kept.started
    assert store.plan(number) == PLAN
    assert store.desired(number) == desired("word = geheim\r\n", "ü")


def test_jobs_for_the_way_back_are_kept_with_their_files(store: Store) -> None:
    (container,) = desired("of the container").containers
    job = DesiredJob(
        host="one",
        service="web",
        name="web/versions",
        spec=container.spec,
        image=container.image,
        config=RenderedFolder(
            "/etc/kolla/jobs/web", {"job.conf": RenderedFile(Merged("of the job", {}), "text")}
        ),
        after=(),
        key="k",
        volumes=(),
        timeout=60,
        success=(0,),
    )
    look = replace(
        job,
        name="web/takeover",
        takeover=True,
        config=RenderedFolder(
            "/etc/kolla/jobs/look", {"look.conf": RenderedFile(Merged("of the look", {}), "text")}
        ),
    )
    state = replace(desired("of the container"), back=(job,), jobs=(look,))
    with recording(store, revision(), PLAN, state, ignore) as recorder:
        for operation in OPERATIONS:
            recorder.see(Event("deploy", "started", operation.id, "one"))
            recorder.see(Event("deploy", "done", operation.id, "one"))
    for _ in range(2):
        kept = store.desired(recorder.revision.number)
        assert (kept.back, kept.jobs) == ((job,), (look,))
        store.prune(1)


def test_only_their_owner_reads_them(store: Store, tmp_path: Path) -> None:
    make(store, "word = geheim")
    for path in [tmp_path / "revisions", *(tmp_path / "revisions").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_events_are_passed_on(store: Store) -> None:
    heard: list[Event] = []
    with recording(store, revision(), PLAN, desired(), heard.append) as recorder:
        recorder.see(Event("deploy", "started", total=2))
    assert [event.total for event in heard] == [2]


def test_a_change_that_failed_says_where(store: Store) -> None:
    make(store, statuses=("done", "failed"))
    (kept,) = store.all()
    assert (kept.result, kept.done) == ("failed", 1)
    assert [(f.operation, f.host, f.message) for f in kept.failures] == [("volume:b@one", "one", "why not")]


def test_a_change_whose_end_nobody_told_failed(store: Store) -> None:
    with recording(store, revision(), PLAN, desired(), ignore) as recorder:
        recorder.see(Event("deploy", "done", OPERATIONS[0].id, "one"))
    assert store.all()[0].result == "failed"


def test_a_host_that_was_locked_leaves_nothing(store: Store) -> None:
    with (
        pytest.raises(LockedError),
        recording(store, revision(), PLAN, desired("x"), ignore) as recorder,
    ):
        recorder.see(Event("deploy", "started", "lock", "one"))
        raise LockedError("held")
    assert store.all() == ()


@pytest.mark.parametrize(
    ("error", "result"), [(KeyboardInterrupt(), "interrupted"), (KollaError("x"), "failed")]
)
def test_a_change_that_broke_off_is_kept(store: Store, error: BaseException, result: str) -> None:
    with (
        pytest.raises(type(error)),
        recording(store, revision(), PLAN, desired(), ignore) as recorder,
    ):
        recorder.see(Event("deploy", "done", OPERATIONS[0].id, "one"))
        raise error
    (kept,) = store.all()
    assert (kept.result, kept.problem) == (result, str(error))


def test_a_deployer_that_is_gone_was_interrupted_and_the_next_one_counts_on(store: Store) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    gone = revision().who.model_copy(update={"pid": ended.pid})
    first = store.begin(revision().model_copy(update={"who": gone}), PLAN, desired("x"))
    second = store.begin(revision(), PLAN, desired("y"))
    assert [(r.number, r.result) for r in store.all()] == [(1, "interrupted"), (2, "in progress")]
    assert store.desired(first.number) == desired("x")
    assert second.number == 2


def test_a_deployer_of_another_machine_may_still_be_at_it(store: Store) -> None:
    other = revision().who.model_copy(update={"host": f"not-{socket.gethostname()}", "pid": 1 << 30})
    store.begin(revision().model_copy(update={"who": other}), PLAN, desired())
    assert store.all()[0].result == "in progress"


def contents(directory: Path) -> set[str]:
    return {path.read_text() for path in (directory / "revisions" / "contents").iterdir()}


def test_pruning_forgets_old_ones_and_the_files_only_they_had(store: Store, tmp_path: Path) -> None:
    for text in ("a", "b", "c"):
        make(store, text, "of all")
    assert contents(tmp_path) == {"a", "b", "c", "of all"}
    store.prune(2)
    assert [kept.number for kept in store.all()] == [2, 3]
    assert contents(tmp_path) == {"b", "c", "of all"}
    assert make(store, "d") == 4


def test_what_a_killed_deployer_left_half_written_is_no_revision_and_goes(
    store: Store, tmp_path: Path
) -> None:
    make(store)
    half = tmp_path / "revisions" / ".new-1"
    half.mkdir()
    (half / "revision.json").write_text("{")
    assert len(store.all()) == 1
    store.prune(5)
    assert not half.exists()


def damaged(store: Store, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    directory = tmp_path / "revisions" / "1"
    yield directory / "revision.json", "revision 1 cannot be read"
    yield directory / "state.json", "not the state of a revision"
    yield directory / "plan.json", "revision 1 cannot be read"


def test_what_cannot_be_read_is_one_clear_error(store: Store, tmp_path: Path) -> None:
    make(store, "x")
    for path, message in damaged(store, tmp_path):
        text = path.read_text()
        path.write_text(text[: len(text) // 2])
        with pytest.raises(KollaError, match=message) as caught:
            store.all()
            store.desired(1)
            store.plan(1)
        assert str(path) in str(caught.value)
        path.write_text(text)


def test_a_revision_of_a_newer_kolla_is_one_clear_error(store: Store, tmp_path: Path) -> None:
    make(store)
    path = tmp_path / "revisions" / "1" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(KollaError, match=rf"^{path}: the state of this revision has format 99\n  expected: "):
        store.desired(1)


def test_a_file_that_is_gone_is_named(store: Store, tmp_path: Path) -> None:
    make(store, "x")
    (path,) = (tmp_path / "revisions" / "contents").iterdir()
    path.unlink()
    with pytest.raises(KollaError, match=f"{path}: a file of this revision is gone"):
        store.desired(1)


def test_secrets_are_in_no_plan(store: Store, tmp_path: Path) -> None:
    make(store, "word = geheim")
    directory = tmp_path / "revisions" / "1"
    assert "geheim" not in (directory / "plan.json").read_text() + (directory / "revision.json").read_text()


def test_what_hosts_remember_is_put_together(store: Store) -> None:
    """Each change once, with its end if any host heard of it; whoever is gone did not end it."""
    with recording(store, revision(), PLAN, desired(), ignore, kept=3) as recorder:
        begun = recorder.note("one", "in progress")
        for operation in OPERATIONS:
            recorder.see(Event("deploy", "done", operation.id, "one"))
        ended, elsewhere = recorder.note("one", "done"), recorder.note("two", "done")
        assert elsewhere["revision"]["outcomes"] == {}
    assert (begun["keep"], begun["revision"]["ended"]) == (3, None)
    records = {"three": begun, "one": ended, "two": elsewhere}
    (found,) = told({host: [note["revision"]] for host, note in records.items()})
    assert (found.number, found.result, found.ended is None, found.done) == (1, "done", False, 2)
    gone = {**begun["revision"], "who": {**begun["revision"]["who"], "pid": 2**22 + 1}}
    assert [each.result for each in told({"one": [gone]})] == ["interrupted"]
    with pytest.raises(KollaError, match="that host two has on record cannot be read"):
        told({"one": [], "two": [{"version": 2}]})


def test_hosts_keep_at_least_what_is_kept_here(store: Store) -> None:
    make(store), make(store)
    with recording(store, revision(), PLAN, desired(), ignore) as recorder:
        assert recorder.note("one", "in progress")["keep"] == 3
