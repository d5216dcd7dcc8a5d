"""A canary that fails: what is left alone, what is taken back, and what is on record; hosts are a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from state.world import World

from kolla import places
from kolla.ansible.outcome import Outcome, Result
from kolla.api import CanaryRequest, Cloud
from kolla.errors import InputError
from kolla.events import Event, Listener
from kolla.hosts import Hosts
from kolla.state.desired import Desired
from kolla.state.plan import ContainerOperation, Operation, Plan
from kolla.state.reconcile import reconcile

RELEASE = re.compile(r"\d{4}\.[12]")
OLDER, NEWER = "2025.2", "2026.1"
TWO = CanaryRequest(("two",), 1)


class Model:
    """Hosts that become what a plan says, up to the operation that fails."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fails = ""

    def executor(self, listener: Listener) -> Any:
        return SimpleNamespace(
            ask=self.ask, apply=lambda *args, **others: self.apply(listener, *args, **others)
        )

    def ask(self, verb: str, requests: Mapping[str, Any]) -> dict[str, Any]:
        assert verb == "observe"
        return {host: self.answer(host) for host in requests}

    def answer(self, host: str) -> dict[str, Any]:
        state = self.world.states[host]
        folders = {
            path: {
                name: {
                    **file.model_dump(exclude={"content"}),
                    "content": file.content and file.content.reveal(),
                }
                for name, file in files.items()
            }
            for path, files in state.folders.items()
        }
        return {
            "facts": self.world.facts[host].model_dump(mode="json"),
            "state": {**state.model_dump(mode="json", exclude={"host", "folders"}), "folders": folders},
        }

    def carry_out(self, plan: Plan, operation: Operation, desired: Desired) -> None:
        """A container is of the release that its image is of."""
        kept = self.world.release
        if isinstance(operation, ContainerOperation) and (of := RELEASE.search(operation.spec.image)):
            self.world.release = of[0]
        self.world.carry_out(plan, desired)
        self.world.release = kept

    def apply(self, listener: Listener, plan: Plan, bundle: Mapping[str, bytes], **_: object) -> Outcome:
        outcome, failed = Outcome("run"), False
        for operation in plan.operations:
            good = not failed and operation.id != self.fails
            status = "done" if good else "blocked" if failed else "failed"
            if good:
                desired = cast(Desired, SimpleNamespace(bundle=lambda: bundle))
                self.carry_out(plan.model_copy(update={"operations": (operation,)}), operation, desired)
            failed = not good
            message = "it ended with exit status 1" if status == "failed" else ""
            outcome.operations[operation.id] = Result(operation.host, cast(Any, status), message=message)
            listener(Event("deploy", cast(Any, status), operation.id, operation.host, message=message))
        return outcome


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    (tmp_path / "etc").mkdir()
    world = World(tmp_path / "etc", hosts=("one", "two", "three"))
    model = Model(world)
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    monkeypatch.setattr(Hosts, "_executor", lambda self, phase: model.executor(self.progress))
    return model


def cloud(model: Model) -> Cloud:
    found = Cloud(model.world.directory, service_paths=[model.world.services])
    settings = model.world.settings
    vars(found.configuration).update(inventory=settings.inventory, settings=settings)
    model.world.report.save(found.configuration.places.build_report)
    return found


@pytest.fixture
def deployed(model: Model) -> Model:
    """Revision 1, and a setting that changed since."""
    done = cloud(model).deploy()
    assert not done.failed and done.revision == 1
    model.world.override("keystone.conf", "[token]\nexpiration = 60\n")
    return model


def results(model: Model) -> list[tuple[str, str, int | None]]:
    return [(r.verb, r.result, r.restores) for r in cloud(model).revisions().revisions]


def taken(model: Model) -> dict[str, str]:
    """Host -> the keystone.conf it has."""
    path = "/etc/kolla/keystone"
    return {h: s.folders[path]["keystone.conf"].sha256[:8] for h, s in model.world.states.items()}


def test_one_that_is_well_goes_on_to_all(deployed: Model) -> None:
    done = cloud(deployed).deploy(canary=TWO)
    assert (done.exit_code, done.canary) == (0, ())
    assert len(set(taken(deployed).values())) == 1
    assert results(deployed)[-1] == ("deploy", "done", None)


def test_a_failure_is_borne_as_the_setting_or_who_asks_says(deployed: Model) -> None:
    deployed.world.globals["max_fail"] = "67%"
    assert cloud(deployed).plan().plan.max_fail == 2
    assert cloud(deployed).plan(max_fail="1").plan.max_fail == 1
    with pytest.raises(InputError, match="max_fail: 'some' is no limit"):
        cloud(deployed).deploy(max_fail="some")


def test_a_plan_in_a_file_has_its_own_limit(deployed: Model, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    cloud(deployed).plan(max_fail="2").plan.save(file)
    with pytest.raises(InputError, match="says itself on how many hosts it may fail"):
        cloud(deployed).deploy(file, max_fail="1")
    assert cloud(deployed).deploy(file).plan.max_fail == 2


@pytest.mark.parametrize("judge", ["job:keystone/check-token/canary-1@one", "soak:canary-1@two"])
def test_one_that_fails_its_judges_is_taken_back(deployed: Model, judge: str) -> None:
    before = taken(deployed)
    deployed.fails = judge
    done = cloud(deployed).deploy(canary=TWO)
    assert done.exit_code == 1
    assert done.canary == (
        f"The canary failed: {judge}: it ended with exit status 1. "
        "Left as they are because of that: keystone on one, three.",
        "It was taken back to revision 1; this is revision 3.",
    )
    assert taken(deployed) == before
    assert results(deployed)[1:] == [("deploy", "failed", None), ("rollback", "done", 1)]
    assert done.to_json()["canary"] == list(done.canary) and done.canary[1] in done.text()
    assert "the cloud runs revision 1, which it was rolled back to" in cloud(deployed).status().notes[0]


def test_hosts_have_not_changed_when_what_was_waited_for_is_ready(deployed: Model) -> None:
    """The engine's verdict on a container that was put back comes while the plan is looked at."""
    deployed.fails = "container:keystone@two"
    assert cloud(deployed).deploy().exit_code == 1
    states = deployed.world.states
    ready = states["two"]
    keystone = ready.containers["keystone"].model_copy(update={"ready": False})
    waiting = {"containers": {**ready.containers, "keystone": keystone}}
    states["two"] = ready.model_copy(update=waiting)
    shown = cloud(deployed).plan_against()
    assert "wait for container keystone" in shown.text()
    states["two"] = ready
    assert cloud(deployed).rollback(shown.towards, plan=shown.plan).exit_code == 0
    states["two"] = ready.model_copy(update={"containers": {}})
    with pytest.raises(InputError, match="the hosts have changed since this plan was shown"):
        cloud(deployed).rollback(shown.towards, plan=shown.plan)


def test_one_that_never_became_ready_has_its_previous_container_already(deployed: Model) -> None:
    before, deployed.fails = taken(deployed), "container:keystone@two"
    done = cloud(deployed).deploy(canary=TWO)
    assert done.canary[1] == "It was taken back to revision 1; this is revision 3."
    assert taken(deployed) == before
    assert results(deployed)[1:] == [("deploy", "failed", None), ("rollback", "done", 1)]
    # What it was taken out of the proxies for did not happen: it serves as before.
    assert {state.drained for state in deployed.world.states.values()} == {()}


def test_what_fails_after_it_is_no_failure_of_the_canary(deployed: Model) -> None:
    deployed.fails = "container:keystone@three"
    done = cloud(deployed).deploy(canary=TWO)
    assert (done.exit_code, done.canary) == (1, ())
    assert results(deployed)[1:] == [("deploy", "failed", None)]


def test_what_passed_before_it_stays_and_is_on_record(deployed: Model) -> None:
    """Of two waves the second fails: what is kept is the state there is, so that one can go back from it."""
    deployed.world.image_ids |= {"haproxy": "sha256:haproxy-new", "keystone": "sha256:keystone-new"}
    before, deployed.fails = taken(deployed), "soak:canary-2@two"
    done = cloud(deployed).deploy(canary=TWO)
    assert done.canary == (
        "The canary failed: soak:canary-2@two: it ended with exit status 1. "
        "Left as they are because of that: keystone on one, three.",
        "It was taken back to revision 1; this is revision 3.",
    )
    assert taken(deployed) == before
    assert results(deployed)[1:] == [("deploy", "failed", None), ("rollback", "done", None)]
    assert {difference.subject for difference in cloud(deployed).revision_diff(1, 3).differences} == {
        "container haproxy"
    }
    assert cloud(deployed).plan_against().towards == 1
    deployed.fails = ""
    assert cloud(deployed).deploy(canary=TWO).exit_code == 0


def go_to(world: World, release: str) -> None:
    """Images of another release."""
    world.release = release
    world.image_ids = {name: f"sha256:{release}-{name}" for name in world.report.images}


def versions(world: World, name: str) -> set[str]:
    return {state.containers[name].version for state in world.states.values()}


def test_of_an_upgrade_the_failed_wave_is_taken_back_and_the_next_try_goes_on(model: Model) -> None:
    world = model.world
    go_to(world, OLDER)
    assert cloud(model).deploy().exit_code == 0
    go_to(world, NEWER)
    model.fails = "soak:canary-2@two"
    done = cloud(model).upgrade(canary=TWO)
    assert done.canary == (
        "The canary failed: soak:canary-2@two: it ended with exit status 1. "
        "Left as they are because of that: keystone, notes on one, three.",
        "It was taken back to revision 1; this is revision 3.",
    )
    assert done.unfinished and done.unfinished.before == OLDER
    assert (versions(world, "haproxy"), versions(world, "keystone")) == ({NEWER}, {OLDER})
    assert results(model) == [
        ("deploy", "done", None),
        ("upgrade", "failed", None),
        ("rollback", "done", None),
    ]
    model.fails = ""
    again = cloud(model).upgrade(canary=TWO)
    assert (again.exit_code, again.canary) == (0, ())
    assert versions(world, "keystone") == {NEWER}


def test_what_an_earlier_try_changed_is_on_record_when_a_canary_is_taken_back(model: Model) -> None:
    """Else the way back from there would lead to what is half of each release."""
    world = model.world
    go_to(world, OLDER)
    assert cloud(model).deploy().exit_code == 0
    go_to(world, NEWER)
    model.fails = "container:keystone@one"
    assert cloud(model).upgrade().exit_code == 1
    assert NEWER in versions(world, "haproxy")
    model.fails = "container:keystone@two"
    done = cloud(model).upgrade(canary=TWO)
    assert done.canary[1] == "It was taken back to revision 1; this is revision 4."
    assert results(model)[-1] == ("rollback", "done", None)
    subjects = {difference.subject for difference in cloud(model).revision_diff(1, 4).differences}
    assert "container haproxy" in subjects and "container keystone" not in subjects
    assert cloud(model).plan_against().towards == 1
    model.fails = ""
    assert cloud(model).rollback().exit_code == 0
    assert (versions(world, "haproxy"), versions(world, "keystone")) == ({OLDER}, {OLDER})


def test_the_end_of_an_upgrade_has_no_canary(model: Model) -> None:
    with pytest.raises(InputError, match="the end of an upgrade has no canary"):
        cloud(model).upgrade(finish=True, canary=TWO)


def test_without_a_good_revision_it_stays_and_that_is_said(model: Model) -> None:
    world = model.world
    world.carry_out(reconcile(world.desired, world.states))
    world.override("keystone.conf", "[token]\nexpiration = 60\n")
    model.fails = "soak:canary-1@two"
    done = cloud(model).deploy(canary=TWO)
    assert done.canary[1].startswith("It was not taken back: there is no revision to go back to")
    assert len(set(taken(model).values())) == 2


def test_a_canary_nobody_has(model: Model) -> None:
    with pytest.raises(InputError, match="there is no host 'twoo'"):
        cloud(model).deploy(canary=CanaryRequest(("twoo",)))


def test_a_plan_in_a_file_has_its_own(deployed: Model, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    cloud(deployed).plan(canary=TWO).plan.save(file)
    with pytest.raises(InputError, match="a plan in a file has its own canary"):
        cloud(deployed).deploy(file, canary=TWO)
    deployed.fails = "soak:canary-1@two"
    assert "taken back to revision 1" in cloud(deployed).deploy(file).canary[1]
