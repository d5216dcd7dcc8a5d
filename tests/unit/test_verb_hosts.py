"""On which hosts a verb of a service is done, when one of them is off; hosts are a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from state.world import World

from kolla import places
from kolla.ansible.outcome import BrokenHost, BrokenHostsError, Outcome, Result
from kolla.api import Cloud
from kolla.errors import InputError
from kolla.hosts import Hosts
from kolla.state.plan import Plan

VERBS = """\
verbs:
  count-notes:
    description: Count them, wherever that is done.
    anywhere: true
    job: {container: notes, each_host: true, command: [count]}
  give-up:
    description: Count without a host.
    argument: {name: host, description: The host., required: true}
    anywhere: true
    host_off: true
    job: {container: notes, each_host: true, command: [count]}
"""


class Model:
    """Hosts of which some are off; who is asked to do something does it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.off: set[str] = set()
        self.done: list[str] = []

    def ask(self, verb: str, requests: Mapping[str, Any]) -> dict[str, Any]:
        if silent := self.off & requests.keys():
            raise BrokenHostsError({h: BrokenHost(h, h, unreachable=True, message="silence") for h in silent})
        return {host: self._answer(host) for host in requests}

    def _answer(self, host: str) -> dict[str, Any]:
        state = self.world.states[host].model_dump(mode="json", exclude={"host"})
        return {"facts": self.world.facts[host].model_dump(mode="json"), "state": state}

    def apply(self, plan: Plan, bundle: Mapping[str, bytes], **_: object) -> Outcome:
        self.done += [o.id for o in plan.operations if o.kind == "job"]
        return Outcome("run", {o.id: Result(o.host, "done") for o in plan.operations})


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    (tmp_path / "etc").mkdir()
    model = Model(World(tmp_path / "etc", hosts=("one", "two", "three")))
    model.world.edit("notes/service.yml", "upgrade:\n", f"{VERBS}upgrade:\n")
    executor = SimpleNamespace(ask=model.ask, apply=model.apply)
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    monkeypatch.setattr(Hosts, "_executor", lambda self, phase: executor)
    cloud(model).run_verb("count-notes")  # which lets the facts of all hosts be known
    model.done.clear()
    return model


def cloud(model: Model, *limit: str) -> Cloud:
    world = model.world
    found = Cloud(world.directory, service_paths=[world.services], limit=limit)
    vars(found.configuration).update(inventory=world.settings.inventory, settings=world.settings)
    world.report.save(found.configuration.places.build_report)
    return found


@pytest.mark.parametrize(("limit", "host"), [((), "one"), (("three", "two"), "two")])
def test_what_may_be_done_anywhere_is_done_once_on_a_host_that_is_asked(
    model: Model, limit: tuple[str, ...], host: str
) -> None:
    ran = cloud(model, *limit).run_verb("count-notes")
    assert [each["host"] for each in ran.results] == [host]
    assert model.done == [f"job:notes/verb-count-notes@{host}"]


def test_a_verb_about_a_host_that_is_off_is_done_on_another(model: Model) -> None:
    model.off = {"one"}
    ran = cloud(model).run_verb("give-up", "one")
    assert (ran.exit_code, model.done) == (0, ["job:notes/verb-give-up@two"])


def test_it_is_refused_while_the_host_answers(model: Model) -> None:
    with pytest.raises(InputError, match=r"host 'two' answers: it is not off"):
        cloud(model).run_verb("give-up", "two")
    assert not model.done


def test_another_host_that_is_off_as_well_is_left_out_by_limit(model: Model) -> None:
    model.off = {"one", "two"}
    with pytest.raises(BrokenHostsError, match="host one cannot be reached"):
        cloud(model).run_verb("give-up", "two")
    cloud(model, "three", "two").run_verb("give-up", "two")
    assert model.done == ["job:notes/verb-give-up@three"]


@pytest.mark.parametrize(
    ("limit", "host", "said"),
    [((), "tow", "no host 'tow'\n  hint: did you mean 'two'"), (("two",), "two", "no host but 'two'")],
)
def test_a_host_that_is_none_or_the_only_one(
    model: Model, limit: tuple[str, ...], host: str, said: str
) -> None:
    model.off = {"two"}
    with pytest.raises(InputError) as caught:
        cloud(model, *limit).run_verb("give-up", host)
    assert said in str(caught.value)
    assert not model.done
