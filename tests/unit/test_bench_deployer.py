"""The bench of deployers: what it counts, and what it makes of that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench import deployer
from bench.deployer import Side, Took
from bench.peer_deployer import COUNTED, Tasks, on_host, versions

PLUGINS = Path(deployer.__file__).parent / "plugins"

PLAYBOOK = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"debug": {"msg": "one"}},
            {"debug": {"msg": "a loop is one task"}, "loop": [1, 2, 3]},
            {"debug": {"msg": "not here"}, "when": False},
            {"fail": {}, "ignore_errors": True},
        ],
    }
]


def test_tasks_are_counted_as_ansible_does_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(PLAYBOOK))
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", str(PLUGINS))
    monkeypatch.setenv(COUNTED, str(tmp_path / "counted"))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    local = ("--inventory", "a,b,", "--connection", "local")
    done = subprocess.run(
        [program, *local, str(tmp_path / "playbook.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Tasks.counted((tmp_path / "counted").read_text()) == Tasks(done=6, skipped=2)


def test_skipped_tasks_count_as_tasks() -> None:
    found = Tasks.counted("ok\nskipped\nfailed\nskipped\nok\nunreachable\n")
    assert found == Tasks(done=4, skipped=2)
    assert found.all == 6
    assert Tasks.counted("").all == 0


def test_versions_are_those_that_matter() -> None:
    frozen = "ansible==12.3.0\nansible-core==2.19.14\nkolla-ansible==22.2.0\nown @ file:///x\nPyYAML==6.0\n"
    assert list(versions(frozen)) == ["kolla-ansible 22.2.0", "ansible-core 2.19.14", "ansible 12.3.0"]


def test_a_sample_inventory_is_of_another_host_in_every_group() -> None:
    sample = "# localhost\n[control]\nlocalhost       ansible_connection=local\n\n[a:children]\ncontrol\n"
    assert on_host(sample, "peer") == "# localhost\n[control]\npeer\n\n[a:children]\ncontrol\n"


def side(seconds: float, tasks: int, services: int) -> Side:
    took = Took(seconds, seconds / 2, seconds / 2, Tasks(tasks, 0))
    return Side("", took, 1, took, services)


def above(ours: Side, peer: Side) -> list[str]:
    return [figure.what for figure in deployer.figures(ours, peer) if figure.above]


def test_a_deployer_that_keeps_its_distance_is_below_all_limits() -> None:
    assert above(side(1, 1, 10), side(10, 50, 5)) == []


@pytest.mark.parametrize(
    ("ours", "what"),
    [
        (side(1.1, 1, 20), "genconfig, processor time"),
        (side(1, 2, 10), "  Ansible tasks"),
        (side(1, 1, 9), "deploy, nothing to do: each service"),
    ],
)
def test_one_that_does_not_is_above_that_limit(ours: Side, what: str) -> None:
    assert above(ours, side(10, 50, 5)) == [what]
