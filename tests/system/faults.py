"""What may happen to a cloud on emulated hosts: kinds of faults as a table, and which one a seed chooses."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from system.harness import Kolla
from system.rig import Rig

SETTING = "[token]\nallow_rescope_scoped_token = {}\n"
"""An override of keystone's, another one for odd seeds than for even ones."""
DEPLOY = 60
"""Seconds of a deploy that changes it within which the deployer is killed."""


@dataclass(frozen=True)
class Fault:
    """What a seed chooses: `share`, from 0 to 1, is which one of several (a container, a moment)."""

    seed: int
    kind: str
    host: str
    share: float


def choose(seed: int, kinds: Sequence[str], hosts: Sequence[str]) -> Fault:
    """The fault of a seed. Every series of as many seeds as there are kinds has each of them once."""
    turn, number = divmod(seed, len(kinds))
    kind = random.Random(turn).sample(kinds, len(kinds))[number]
    chance = random.Random(seed)
    return Fault(seed, kind, chance.choice(hosts), chance.random())


@dataclass(frozen=True)
class Outcome:
    """What came of a fault."""

    fault: Fault
    seconds: float
    """From the end of its cause until all checks are good, with the deploy in between."""
    writes: int
    """How many were acknowledged, from before the fault until after it; all of them were found."""


def table(outcomes: Sequence[Outcome]) -> str:
    """For docs/testing.md."""
    rows = [
        f"| {of.fault.seed} | {of.fault.kind} | {of.fault.host} | {of.seconds:.0f} | {of.writes} |"
        for of in outcomes
    ]
    head = ["| seed | fault | host | s until well | writes, none lost |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


@dataclass(frozen=True)
class Scene:
    """A fault, and where it happens."""

    fault: Fault
    rig: Rig
    cloud: Kolla

    def run(self, *command: str) -> str:
        """Run a command on the host, past its network."""
        return self.rig.run(self.fault.host, command)


@dataclass(frozen=True)
class Kind:
    """How a fault is made, and how its cause is taken away; what it broke, the cloud has to mend."""

    do: Callable[[Scene], object]
    heal: Callable[[Scene], object] = lambda _: None
    seconds: float = 0
    """How long it lasts."""


def kill_container(scene: Scene) -> None:
    """As the kernel does that is out of memory. The engine starts it again, which it would not after its own
    `docker kill`."""
    names = sorted(scene.run("docker", "ps", "--format", "{{.Names}}").split())
    name = names[int(scene.fault.share * len(names))]
    print(f"the container is {name}")
    scene.run("sh", "-c", f"kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' {name})")


def kill_containers(scene: Scene) -> None:
    """All of the host at once."""
    scene.run("sh", "-c", "kill -9 $(docker inspect --format '{{.State.Pid}}' $(docker ps --quiet))")


def kill_deployer(scene: Scene) -> None:
    """With all that it started here, in a deploy that changes identity on every controller."""
    scene.cloud.override("keystone.conf", SETTING.format("false" if scene.fault.seed % 2 else "true"))
    with subprocess.Popen(
        scene.cloud.arguments("deploy"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as deployer:
        time.sleep(scene.fault.share * DEPLOY)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(deployer.pid, signal.SIGKILL)


def engine(verb: str) -> Callable[[Scene], object]:
    """Start or stop it; containers end with it, as Debian's is not told to leave them."""
    return lambda scene: scene.run("systemctl", verb, "docker.socket", "docker.service")


def on_rig(do: Callable[[Rig, str], None], heal: Callable[[Rig, str], None]) -> Kind:
    """What a rig does to a host, and undoes."""
    return Kind(
        lambda scene: do(scene.rig, scene.fault.host), lambda scene: heal(scene.rig, scene.fault.host), LASTS
    )


LASTS = 30
KINDS = {
    "a container killed": Kind(kill_container),
    "all its containers killed": Kind(kill_containers),
    "its engine stopped": Kind(engine("stop"), engine("start"), LASTS),
    "its power cut": on_rig(Rig.kill, Rig.start),
    "silent": on_rig(Rig.freeze, Rig.thaw),
    "cut off": on_rig(Rig.cut_off, Rig.reconnect),
    "its disk full": on_rig(Rig.fill, Rig.free),
    "the deployer killed": Kind(kill_deployer),
}
"""Name -> how it is done, how its cause ends, and after how many seconds."""
