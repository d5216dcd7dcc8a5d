"""Hosts that come, go, are replaced or out of service for some time, step by step; hosts are a model."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from state.world import World

from kolla import places
from kolla.ansible.outcome import BrokenHost, BrokenHostsError, Outcome, Result
from kolla.api import Cloud, Removal
from kolla.errors import InputError
from kolla.host_results import HostChange
from kolla.hosts import Hosts
from kolla.settings.inventory import Inventory
from kolla.state.host_state import HostState
from kolla.state.plan import JobOperation, Plan
from kolla.state.resources import Resources

LEAVING = """\
leaving:
  container: notes
  drain: carry-notes
  undrain: return-notes
  evacuate: copy-notes
  occupied: {container: notes, each_host: true, command: [occupied]}
  forget: {container: notes, each_host: true, command: [forget]}
verbs:
  carry-notes: &verb
    description: Carry them elsewhere.
    argument: {name: host, description: The host., required: true}
    anywhere: true
    job: {container: notes, each_host: true, command: [carry]}
  return-notes: {<<: *verb, description: Take some again.}
  copy-notes: {<<: *verb, description: Write them again., host_off: true}
"""
SYSCTLS = {
    "net.ipv4.ip_nonlocal_bind": "0",
    "net.ipv6.ip_nonlocal_bind": "0",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv4.tcp_keepalive_intvl": "75",
    "net.ipv4.tcp_keepalive_probes": "9",
    "net.ipv4.tcp_retries2": "15",
}
KERNEL = Resources(sysctls=SYSCTLS)
THREE = ("one", "two", "three")


class Model:
    """Hosts of which some are off; who is asked to do something does it, but for jobs that fail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.inventory: Inventory = world.settings.inventory
        self.off: set[str] = set()
        self.fails: set[str] = set()
        self.bad: set[str] = set()
        """Hosts that are not fit for a deploy."""
        self.done: list[str] = []

    def ask(self, verb: str, requests: Mapping[str, Any]) -> dict[str, Any]:
        if silent := self.off & requests.keys():
            raise BrokenHostsError({h: BrokenHost(h, h, unreachable=True, message="silence") for h in silent})
        if verb not in ("observe", "holdings"):
            self.done += [f"{verb} {host}" for host in requests]
        return {host: self._answer(verb, host, request) for host, request in requests.items()}

    def _answer(self, verb: str, host: str, request: Mapping[str, Any]) -> dict[str, Any]:
        state = self.world.states[host]
        if verb == "bootstrap":
            if state.engine is None:
                fresh = self.world.states_of([host])[host]
                self.world.states[host] = fresh.model_copy(update={"resources": KERNEL})
            return {"changes": ["started the engine"]}
        if verb == "precheck":
            fit = host not in self.bad
            told = {"check": "disk", "subject": "/", "ok": fit, "message": "full", "hint": ""}
            return {"findings": [told], "clock": [time.time()] * 2}
        if verb == "holdings":
            return {"containers": [*state.containers], "volumes": dict.fromkeys(state.volumes, 1)}
        if verb == "destroy":
            volumes = {} if request["volumes"] else state.volumes
            fresh = self.world.states_of([host])[host]
            self.world.states[host] = fresh.model_copy(update={"volumes": volumes})
            return {"changes": ["removed all"], "kept": []}
        facts = self.world.facts[host].model_dump(mode="json")
        return {"facts": facts, "state": state.model_dump(exclude={"host"})}

    def apply(self, plan: Plan, bundle: Mapping[str, bytes], **_: object) -> Outcome:
        self.world.obey(plan, bundle)
        results = {}
        for operation in plan.operations:
            failed = isinstance(operation, JobOperation) and operation.job in self.fails
            said = () if not failed else ("two notes lie there",)
            self.done.append(operation.id)
            results[operation.id] = Result(operation.host, "failed" if failed else "done", log=said)
        return Outcome("run", results)

    def cloud(self, *limit: str) -> Cloud:
        found = Cloud(self.world.directory, service_paths=[self.world.services], limit=limit)
        vars(found.configuration).update(inventory=self.inventory)
        self.world.report.save(found.configuration.places.build_report)
        return found

    def took(self, pattern: str) -> list[str]:
        """What of this was done, in its order."""
        return [done for done in self.done if re.fullmatch(pattern, done)]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """Three controllers, deployed; of a fourth host nothing is known."""
    (tmp_path / "etc").mkdir()
    world = World(tmp_path / "etc", hosts=THREE)
    world.globals["config_validation"] = "off"
    world.edit("notes/service.yml", "upgrade:\n", f"{LEAVING}upgrade:\n")
    model = Model(world)
    executor = SimpleNamespace(ask=model.ask, apply=model.apply)
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    monkeypatch.setattr(Hosts, "_executor", lambda self, phase: executor)
    assert model.cloud().deploy().exit_code == 0
    model.done.clear()
    return model


def grow(model: Model, host: str = "four") -> None:
    """Put a host without an engine into the inventory."""
    world = model.world
    world.hosts = (*world.hosts, host)
    world.groups["control"] = world.hosts
    world.states[host] = HostState(host=host)
    model.inventory = world.settings.inventory


def steps(change: HostChange) -> list[str]:
    return [step.what for step in change.steps]


def hosts_of(done: list[str]) -> set[str]:
    return {each.rpartition("@")[2] for each in done if "@" in each}


def test_a_new_host_is_made_ready_looked_at_and_deployed(model: Model) -> None:
    grow(model)
    change = model.cloud().host_add(["four"])
    assert model.done == []
    assert "+ create container mariadb" in change.text()
    did = change.carry_out()
    assert did.exit_code == 0, did.text()
    assert model.took("bootstrap .*|precheck .*") == ["bootstrap four", "precheck four"]
    assert "container:keystone@four" in model.done
    assert not model.cloud().plan().plan


def test_what_is_due_elsewhere_is_left_for_a_deploy(model: Model) -> None:
    model.world.override("keystone.conf", "[token]\nexpiration = 60\n")
    due = {operation.id for operation in model.cloud().plan().plan.operations}
    assert due
    grow(model)
    assert model.cloud().host_add(["four"]).carry_out().exit_code == 0
    left = {operation.id for operation in model.cloud().plan().plan.operations}
    assert left <= due


def test_a_host_that_is_not_fit_is_not_deployed(model: Model) -> None:
    grow(model)
    model.bad = {"four"}
    did = model.cloud().host_add(["four"]).carry_out()
    assert (did.exit_code, [what for what, _ in did.steps][-1]) == (1, "kolla prechecks --limit four")
    assert not model.took("container:.*")


def test_a_host_that_is_in_no_inventory(model: Model) -> None:
    with pytest.raises(InputError, match=r"no host 'tow' in the inventory\n  hint: did you mean 'two'"):
        model.cloud().host_add(["tow"])
    with pytest.raises(InputError, match="--limit leaves out host 'two'"):
        model.cloud("one").host_add(["two"])


def test_one_of_three_leaves_and_the_others_forget_it(model: Model) -> None:
    change = model.cloud().host_remove("one")
    assert model.took("job:.*") == [model.done[0]] == ["job:notes/host-occupied@two"]
    assert "its volumes stay: " in change.text()
    model.done.clear()
    did = change.carry_out()
    assert did.exit_code == 0, did.text()
    assert "take 'one' out of the inventory" in did.text()
    gone = model.done.index("destroy one")
    assert hosts_of(model.done[gone:]) == {"two", "three"}
    assert any(each.startswith("drain:keystone/one@two") for each in model.done[:gone])
    assert model.done[-1] == "job:notes/host-forget@two"
    assert model.world.states["one"].volumes
    model.inventory = model.inventory.without(["one"])
    assert not model.cloud().plan().plan


def test_its_data_goes_when_that_is_wanted(model: Model) -> None:
    change = model.cloud().host_remove("three", Removal(volumes=True))
    assert "FOR GOOD: " in change.text()
    assert change.carry_out().exit_code == 0
    assert not model.world.states["three"].volumes


def test_it_does_not_leave_while_something_is_on_it(model: Model) -> None:
    model.fails = {"notes/host-occupied"}
    with pytest.raises(InputError, match=r"'one' cannot leave: two notes lie there\n.*--drain") as caught:
        model.cloud().host_remove("one")
    assert caught.value.exit_code == 3
    change = model.cloud().host_remove("one", Removal(drain=True))
    assert steps(change)[0] == "kolla carry-notes one"
    model.fails = {"notes/verb-carry-notes"}
    assert change.carry_out().exit_code == 1
    assert not model.took("destroy .*")


def test_a_host_that_is_off_leaves(model: Model) -> None:
    with pytest.raises(InputError, match="host 'one' answers: it is not off"):
        model.cloud().host_remove("one", Removal(off=True))
    model.off = {"one"}
    change = model.cloud().host_remove("one", Removal(off=True))
    assert steps(change)[0] == "kolla copy-notes one"
    did = change.carry_out()
    assert did.exit_code == 0, did.text()
    assert hosts_of(model.done) == {"two", "three"}
    assert model.done[-1] == "job:notes/host-forget@two"


def test_no_host_leaves_without_a_majority(model: Model) -> None:
    broken = model.world.states["two"].containers["mariadb"].model_copy(update={"state": "exited"})
    containers = {**model.world.states["two"].containers, "mariadb": broken}
    model.world.states["two"] = model.world.states["two"].model_copy(update={"containers": containers})
    for refused in (
        lambda: model.cloud().host_remove("one"),
        lambda: model.cloud().host_maintenance("one", on=True),
    ):
        with pytest.raises(InputError, match="mariadb would have no majority"):
            refused()
    assert not model.done


def test_a_host_with_empty_disks_becomes_what_it_was(model: Model) -> None:
    with pytest.raises(InputError, match="host 'one' is not empty"):
        model.cloud().host_replace("one")
    model.world.states["one"] = HostState(host="one")
    did = model.cloud().host_replace("one").carry_out()
    assert did.exit_code == 0, did.text()
    assert model.took("job:notes/host-.*") == ["job:notes/host-occupied@two", "job:notes/host-forget@two"]
    # It gets its data from a host that has it, though it is the first of its group.
    assert not model.took("job:mariadb/bootstrap@one")
    assert not model.cloud().plan().plan


def test_out_of_service_and_back(model: Model) -> None:
    out = model.cloud().host_maintenance("two", on=True, stop=True)
    assert steps(out) == ["kolla carry-notes two", "It serves nobody any more"]
    assert out.carry_out().exit_code == 0
    assert {c.state for c in model.world.states["two"].containers.values()} == {"exited"}
    assert hosts_of(model.took("stop:.*")) == {"two"}
    back = model.cloud().host_maintenance("two", on=False)
    assert steps(back) == ["It serves again", "kolla return-notes two", "Is all of it well?"]
    model.done.clear()
    back.carry_out()
    assert hosts_of(model.took("start:.*")) == {"two"}


def test_what_was_shown_is_what_is_done(model: Model) -> None:
    change = model.cloud().host_maintenance("two", on=True)
    model.world.carry_out(Plan.model_validate(_stop("two", "keepalived")))
    with pytest.raises(InputError, match="the hosts have changed since this plan was shown"):
        change.carry_out()


def test_a_cloud_goes_also_where_the_engine_of_its_hosts_is_not_on_this_machine(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.world.globals["kolla_container_engine"] = "podman"
    model.inventory = model.world.settings.inventory
    monkeypatch.setenv("PATH", "/nowhere")
    cloud = model.cloud()
    removed = cloud.destroy(images=True)
    assert removed.changes.keys() == {*THREE}
    assert removed.kept == {
        "this machine": (
            "the images that were built: kolla_container_engine is podman, and there is none on PATH",
        )
    }
    assert cloud.configuration.places.build_report.exists()


def _stop(host: str, container: str) -> dict[str, Any]:
    operation = {
        "kind": "stop",
        "id": f"stop:{container}@{host}",
        "host": host,
        "service": "haproxy",
        "causes": (),
        "container": container,
    }
    return {"cloud_name": "kolla", "cloud_id": "", "precondition": "", "operations": (operation,)}
