"""Today's kolla-ansible from PyPI, made ready to deploy to a host beside ours.

Two things that not every machine reaches come from elsewhere: its collections from the package `ansible`
instead of Galaxy, and instead of its images one whose containers stay up and answer everything at once
(`stub_image.sh`), which makes it faster than it is in real life, never slower. Its roles are as they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
COUNTED = "KOLLA_COUNTED"
"""Environment variable that tells the callback where to write what it counts."""
DISTRIBUTIONS = ("kolla-ansible", "ansible-core", "ansible")
NAMESPACE, TAG = "bench", "peer"
"""What its images are called here."""

HOST_PACKAGES = ("python3-docker", "python3-dbus")
"""What its modules need on a host; its `bootstrap-servers`, which installs them, is not on PyPI."""

SAME_AS_OURS = {
    "neutron_plugin_agent": "ovn",
    "nova_compute_virt_type": "qemu",
    "enable_fluentd": False,
    "enable_heat": False,
    "enable_horizon": False,
    "enable_proxysql": False,
}
"""Settings with which it has the services that we have by default, and no others."""

TRIVIAL = {
    "enable_openstack_core": False,
    "enable_haproxy": False,
    "enable_mariadb": False,
    "enable_rabbitmq": False,
    "enable_valkey": True,
}
"""Settings with which it has services whose deploy asks nothing of what is inside their containers."""
TRIVIAL_SERVICES = ("cron", "fluentd", "kolla_toolbox", "memcached", "valkey")
TRIVIAL_IMAGES = ("cron", "fluentd", "kolla-toolbox", "memcached", "valkey-sentinel", "valkey-server")


@dataclass(frozen=True)
class Tasks:
    """Tasks of Ansible on one host; the turns of a loop are one."""

    done: int
    skipped: int
    """Looked at, found to have nothing to do here."""

    @property
    def all(self) -> int:
        """Those that cost time."""
        return self.done + self.skipped

    @classmethod
    def counted(cls, text: str) -> Tasks:
        """From what the callback (`plugins/counted.py`) wrote: a line for each."""
        found = Counter(text.split())
        skipped = found.pop("skipped", 0)
        return cls(found.total(), skipped)


@dataclass(frozen=True)
class PeerDeployer:
    """An installed peer, and what an operator wrote for it, below one directory."""

    directory: Path

    def install(self) -> None:
        """Its newest release, in a virtual environment of its own."""
        environment = self.directory / "venv"
        self._run(sys.executable, "-m", "venv", str(environment))
        self._run(str(self._program("pip")), "install", "--quiet", "kolla-ansible")
        # Thousands of modules, of which a few are used, on the host.
        self._run(str(self._program("pip")), "install", "--quiet", "--no-compile", "ansible")
        plugins = self._home / ".ansible" / "plugins" / "callback"
        plugins.mkdir(parents=True)
        shutil.copy(HERE / "plugins" / "counted.py", plugins)

    @property
    def versions(self) -> str:
        """What was installed."""
        said = self._run(str(self._program("pip")), "list", "--format", "freeze")
        return ", ".join(versions(said))

    @property
    def references(self) -> tuple[str, ...]:
        """Its images of the trivial services."""
        return tuple(f"{NAMESPACE}/{image}:{TAG}" for image in TRIVIAL_IMAGES)

    def write(self, name: str, host: str, settings: Mapping[str, Any]) -> Path:
        """What an operator writes of a cloud on one host, in a directory that is called `name`: the sample
        inventory with that host instead of this machine, passwords, settings."""
        share, place = self.directory / "venv" / "share" / "kolla-ansible", self.directory / name
        place.mkdir()
        inventory = (share / "ansible" / "inventory" / "all-in-one").read_text()
        (place / "all-in-one").write_text(on_host(inventory, host))
        shutil.copy(share / "etc_examples" / "kolla" / "passwords.yml", place)
        self._run(str(self._program("kolla-genpwd")), "--passwords", str(place / "passwords.yml"))
        common = {
            "workaround_ansible_issue_8743": True,
            "kolla_base_distro": "debian",
            "docker_registry": "",
            "docker_namespace": NAMESPACE,
            "openstack_tag": TAG,
            # An emulated host may not raise limits.
            "default_container_dimensions": {},
        }
        (place / "globals.yml").write_text(yaml.safe_dump({**common, **settings}))
        return place

    def command(self, verb: str, place: Path, inventory: Path) -> tuple[str, ...]:
        """A verb on the cloud that was written to `place`; `inventory` says how its host is reached."""
        given = ("--configdir", str(place), "-i", str(inventory), "-i", str(place / "all-in-one"))
        return (str(self._program("kolla-ansible")), verb, *given)

    @property
    def environment(self) -> dict[str, str]:
        """Of its programs. Pipelining is what its own guide has the operator switch on."""
        return {
            # Our package has the peer's name: a path to it would hide theirs.
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": f"{self._program('pip').parent}:{os.environ['PATH']}",
            "HOME": str(self._home),
            "ANSIBLE_PIPELINING": "True",
            COUNTED: str(self._counted),
        }

    def tasks(self) -> Tasks:
        """Of the verb that was run since they were last asked for."""
        text = self._counted.read_text()
        self._counted.unlink()
        return Tasks.counted(text)

    @property
    def _home(self) -> Path:
        return self.directory / "home"

    @property
    def _counted(self) -> Path:
        return self.directory / "counted"

    def _program(self, name: str) -> Path:
        return self.directory / "venv" / "bin" / name

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout


def versions(frozen: str) -> Iterator[str]:
    """Of what `pip list --format freeze` said, those that count: `kolla-ansible 22.2.0`."""
    installed = dict(line.split("==", 1) for line in frozen.splitlines() if "==" in line)
    yield from (f"{name} {installed[name]}" for name in DISTRIBUTIONS)


def on_host(inventory: str, host: str) -> str:
    """The sample inventory of one machine, with another host instead of that machine."""
    lines = inventory.splitlines(keepends=True)
    return "".join(f"{host}\n" if line.startswith("localhost") else line for line in lines)
