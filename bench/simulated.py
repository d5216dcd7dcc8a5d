"""Clouds of many hosts that are not there: what an operator writes about them, and how they would answer.

Three controllers, the rest computes; every service that is on by default. Requests travel as always, through
Ansible and its workers, but for the last step: the connection (`bench/plugins/simulated.py`) answers itself,
at once, as a host would that has nothing on it, or everything.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kolla.api import Cloud
from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue import loader
from kolla.places import Places, write_json
from kolla.secret import Secret
from kolla.settings import passwords
from kolla.state.derive import desire
from kolla.state.facts import HostFacts, Interface
from kolla.state.host_state import Engine, HostState
from kolla.state.revision_diff import as_applied

CLOUD = "bench-scale"
CONTROLLERS = 3
CHANGE = {"nova_reserved_host_memory_mb": 1024}
"""What `change` has the operator write: a file of every host is another one then."""
PLUGIN = Path(__file__).parent / "plugins" / "simulated.py"
DIRECTORY = "KOLLA_SIMULATED"
"""Environment variable that tells the plugin where the answers are."""


@dataclass(frozen=True)
class Simulated:
    """A cloud of `count` hosts, with everything about it below one directory."""

    directory: Path
    count: int
    build_report: Path | None = None
    """Of images that were built, their schemas of options beside it; None: no image was."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its hosts, controllers first."""
        return tuple(f"host{number:04}" for number in range(1, self.count + 1))

    @property
    def configuration(self) -> Path:
        """Its configuration directory."""
        return self.directory / "etc"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a verb: Ansible looks for further plugins below the home directory."""
        return {**os.environ, "HOME": str(self.directory / "home"), DIRECTORY: str(self.directory / "hosts")}

    @property
    def requests(self) -> list[str]:
        """`HOST VERB` of each request that came to a host since `forget_requests`."""
        path = self.directory / "hosts" / "requests"
        return path.read_text().splitlines() if path.exists() else []

    def forget_requests(self) -> None:
        """Begin to count again."""
        (self.directory / "hosts" / "requests").unlink(missing_ok=True)

    def write(self) -> None:
        """Write what an operator wrote, and what the controller knows: images, and facts of the hosts."""
        plugins = self.directory / "home" / ".ansible" / "plugins" / "connection"
        for directory in (self.configuration, plugins, self.directory / "hosts"):
            directory.mkdir(parents=True)
        shutil.copy(PLUGIN, plugins)
        (self.configuration / "inventory").write_text(self._inventory())
        (self.configuration / "globals.yml").write_text(yaml.safe_dump(self._globals()))
        secrets = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in passwords.generate(loader.load(()), {}).items()
        }
        (self.configuration / passwords.FILE).write_text(yaml.safe_dump(secrets))
        (self.configuration / passwords.FILE).chmod(0o600)
        places = Places.of(CLOUD)
        if self.build_report is None:
            _report().save(places.build_report)
        else:
            shutil.copy(self.build_report, places.build_report)
            shutil.copytree(self.build_report.parent / places.schemas.name, places.schemas)
        facts = {name: facts.model_dump(mode="json") for name, facts in self._facts().items()}
        write_json(places.facts, facts)

    def empty(self) -> None:
        """Have hosts with an engine and nothing else."""
        engine = Engine(name="docker", version="26.1.5")
        self._answer({name: HostState(host=name, engine=engine) for name in self.names})

    def deployed(self) -> None:
        """Have hosts on which everything is as it should be."""
        configuration = Cloud(self.configuration).configuration
        desired = desire(configuration.settings, configuration.report, self._facts())
        self._answer(as_applied(desired, desired))

    def change(self) -> None:
        """Have the operator change a setting."""
        (self.configuration / "globals.yml").write_text(yaml.safe_dump({**self._globals(), **CHANGE}))

    def _answer(self, states: Mapping[str, HostState]) -> None:
        # Of files that are as asked for, a host does not send the content.
        left_out: Any = {"host": True, "folders": {"__all__": {"__all__": {"content"}}}}
        for name, facts in self._facts().items():
            state = states[name].model_dump(mode="json", exclude=left_out)
            answer = {"facts": facts.model_dump(mode="json"), "state": state, "lease": None}
            (self.directory / "hosts" / f"{name}.json").write_text(json.dumps(answer))

    def _inventory(self) -> str:
        computes = self.names[CONTROLLERS:] or self.names
        groups = {
            "control": self.names[:CONTROLLERS],
            "network": self.names[:CONTROLLERS],
            "compute": computes,
        }
        lines = [f"{name} ansible_connection=simulated" for name in self.names]
        for group, names in groups.items():
            lines += [f"[{group}]", *names]
        return "\n".join(lines) + "\n"

    def _globals(self) -> dict[str, Any]:
        return {"cloud_name": CLOUD, "kolla_internal_vip_address": "10.255.255.250"}

    def _facts(self) -> dict[str, HostFacts]:
        return {name: _host(name, number) for number, name in enumerate(self.names, 1)}


def _host(name: str, number: int) -> HostFacts:
    address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
    return HostFacts(
        hostname=name,
        distribution="debian",
        distribution_version="13",
        architecture="x86_64",
        cores=64,
        memory=256 << 30,
        interfaces={
            "lo": Interface(addresses=("127.0.0.1",), networks=("127.0.0.0/8",)),
            "eth0": Interface(addresses=(address,), networks=("10.0.0.0/8",)),
            "eth1": Interface(),
        },
        default_interface="eth0",
    )


def _report() -> BuildReport:
    """As of a build of every image."""
    folders = loader.load(()).folders.values()
    names = [name for folder in folders for name in folder.service.images]
    return BuildReport(
        release="2026.1",
        base="debian-13",
        images={
            name: BuiltImage(
                name=name,
                status="built",
                identity=name,
                id=f"sha256:{name}",
                reference=f"kolla/{name}:bench",
                size=500_000_000,
            )
            for name in names
        },
    )
