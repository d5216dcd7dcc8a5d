"""A cloud whose hosts are a model of hosts: what verbs do, down to what would be sent to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from world import World

from kolla.ansible.outcome import Outcome, Result
from kolla.api import Cloud
from kolla.errors import LockedError
from kolla.events import Event
from kolla.hosts import Decide, Hosts
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.plan import Operation, Plan
from kolla.state.releases import course


@dataclass(frozen=True)
class ModelHosts(Hosts):
    """Hosts that do what they are told, but for what a test says."""

    world: World
    failing: set[str] = field(default_factory=set)
    """Ids of operations that fail."""
    says: dict[str, str] = field(default_factory=dict)
    """Id of an operation -> what it says when it is done."""
    others: list[Callable[[], None]] = field(default_factory=list)
    """What other deployers do, each while we wait for it."""
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """What happens once a plan was carried out, each after one."""
    applied: list[Plan] = field(default_factory=list)
    """Plans that were carried out, or begun."""
    waited: list[int] = field(default_factory=list)
    """Seconds that each attempt would have waited with a plan in hand."""

    def observed(self, decide: Decide = course) -> tuple[Desired, dict[str, HostState]]:
        states = dict(self.world.states)
        wanted = decide(self.world.release, states)
        return desire(self.world.settings, self.world.report, self.world.facts, wanted), states

    def compared_with(self, desired: Desired) -> dict[str, HostState]:
        return dict(self.world.states)

    def apply(self, plan: Plan, desired: Desired | None, lock_timeout: int, *, phase: str) -> Outcome:
        self.waited.append(lock_timeout)
        if self.others:
            self.others.pop(0)()
            raise LockedError("another deployer is at work")
        self.applied.append(plan)
        outcome, bad = Outcome("run"), set[str]()
        for operation in plan.operations:
            result = self._result(operation, bad, plan.stop_at_failure)
            outcome.operations[operation.id] = result
            if result.status == "done":
                self.world.carry_out(plan.model_copy(update={"operations": (operation,)}), desired)
            else:
                bad.add(operation.id)
            self.progress(Event(phase, result.status, operation.id, operation.host, message=result.message))
        if self.afterwards:
            self.afterwards.pop(0)()
        return outcome

    def _result(self, operation: Operation, bad: set[str], stop: bool) -> Result:
        if bad.intersection(operation.after) or (stop and bad):
            return Result(operation.host, "blocked")
        if operation.id in self.failing:
            return Result(operation.host, "failed", message="it does not start")
        return Result(operation.host, "done", message=self.says.get(operation.id, ""))


@dataclass(frozen=True)
class Modelled:
    """A cloud, and its hosts."""

    cloud: Cloud
    world: World
    hosts: ModelHosts

    def build(self, release: str) -> None:
        """Have images of a release."""
        self.world.release = release
        names = self.world.report.images
        self.world.image_ids = {name: f"sha256:{release}-{name}" for name in names}
        self.cloud.configuration.places.build_report.write_text(self.world.report.model_dump_json())

    def deploy(self) -> None:
        """Have what the settings say, recorded as a deploy does."""
        desired, states = self.hosts.observed()
        plan = self.cloud._plan(desired, states)
        assert not self.cloud._change("deploy", plan, desired, 0).failed


def modelled(world: World, monkeypatch: pytest.MonkeyPatch) -> Modelled:
    """The cloud of a world, with a place of its own for what the controller keeps."""
    monkeypatch.setattr("kolla.places.state_root", lambda: world.directory / "kept")
    monkeypatch.setattr("kolla.hosts.LOCK_PAUSE", 0)
    world.globals["config_validation"] = "off"
    settings = world.settings
    cloud = Cloud(Path(world.directory), service_paths=[world.services])
    cloud.configuration.__dict__["inventory"] = settings.inventory
    hosts = ModelHosts(cloud.configuration, cloud.progress, world)
    cloud._hosts = hosts
    return Modelled(cloud, world, hosts)
