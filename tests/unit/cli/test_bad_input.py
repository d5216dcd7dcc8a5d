"""Bad input, through the command line: one clear message, exit code 3, and no host is asked anything."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

from kolla import hosts, places
from kolla.ansible import inventory as reading
from kolla.ansible.inventory import read
from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue import loader
from kolla.settings import passwords
from kolla.state.facts import HostFacts, Interface

from .conftest import Outcome

GLOBALS = """\
network_interface: eth0
kolla_internal_vip_address: 192.0.2.250
"""
INVENTORY = """\
one ansible_connection=local
[{group}]
one
[network]
one
[compute]
one
"""

FACTS = HostFacts(
    hostname="one",
    distribution="debian",
    distribution_version="13",
    architecture="x86_64",
    cores=2,
    memory=1 << 33,
    interfaces={"eth0": Interface(addresses=("192.0.2.1",))},
    default_interface="eth0",
)

Kolla = Callable[..., Outcome]


@pytest.fixture(scope="module")
def report() -> str:
    """A build report of every image there is."""
    names = [name for folder in loader.load().folders.values() for name in folder.service.images]
    images = {
        name: BuiltImage(name=name, status="built", identity=name, id=f"sha256:{name}", reference=f"{name}:1")
        for name in names
    }
    return BuildReport(release="2026.1", base="debian-13", images=images).model_dump_json()


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The inventory whose only host is in a group, besides network and compute."""
    directory = tmp_path_factory.mktemp("inventories")

    def write(group: str) -> Path:
        path = directory / group
        path.write_text(INVENTORY.format(group=group))
        return path

    return write


read_once = cache(lambda sources: read(sources))
"""Ansible needs half a second for each inventory."""


@pytest.fixture
def cloud(tmp_path: Path, report: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration directory of a cloud that could be deployed, and no host to deploy it on."""

    def touched(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a host was asked")

    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    monkeypatch.setattr(hosts, "Executor", touched)
    monkeypatch.setattr(reading, "read", read_once)
    monkeypatch.setattr(reading, "begin", lambda sources: None)
    (tmp_path / "globals.yml").write_text(GLOBALS)
    passwords.complete(tmp_path / "passwords.yml", passwords.generate(loader.load(), {}))
    places.write_private(places.Places.of("kolla").build_report, report)
    places.write_json(places.Places.of("kolla").facts, {"one": FACTS.model_dump(mode="json")})
    return tmp_path


def test_the_cloud_itself_can_be_planned(kolla: Kolla, cloud: Path, inventory: Callable[[str], Path]) -> None:
    outcome = kolla("plan", "--offline", "--configdir", str(cloud), "-i", str(inventory("control")))
    assert (outcome.exit_code, outcome.err) == (2, "")
    assert "keystone" in outcome.out


def test_a_machine_that_knows_nothing_is_given_what_another_one_knows(
    kolla: Kolla, cloud: Path, inventory: Callable[[str], Path], tmp_path: Path
) -> None:
    """A CI runner that reviews a configuration."""
    known = places.Places.of("kolla")
    report = known.build_report.rename(tmp_path / "build.json")
    facts = known.facts.rename(tmp_path / "facts.json")
    common = ["plan", "--configdir", str(cloud), "-i", str(inventory("control"))]
    assert kolla(*common, "--offline").exit_code == 3
    given = ["--build-report", str(report), "--facts", str(facts)]
    outcome = kolla(*common, "--offline", *given)
    assert outcome.exit_code == 2
    assert "keystone" in outcome.out
    assert "unknown" not in outcome.err
    outcome = kolla(*common, "--against-config", str(cloud), *given)
    assert (outcome.exit_code, "Nothing to do" in outcome.out) == (0, True)
    facts.write_text('{"one": {"hostname": 7}}')
    outcome = kolla(*common, "--offline", *given)
    assert outcome.exit_code == 3
    assert "facts.json: these are no facts of hosts" in outcome.err
    outcome = kolla(*common, *given)
    assert "--build-report and --facts are for --offline" in outcome.err


def changed(file: str, text: str) -> Callable[[Path], None]:
    """Adds `text` to a file of the configuration directory."""

    def change(directory: Path) -> None:
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as opened:
            opened.write(text)

    return change


def without_password(directory: Path) -> None:
    path = directory / "passwords.yml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("rabbitmq_password")))


BAD = {
    "a typo in a key": (
        changed("globals.yml", "keystone_prot: 5000\n"),
        ["globals.yml:3: unknown key 'keystone_prot'", "did you mean 'keystone_port'?"],
    ),
    "a wrong type": (
        changed("globals.yml", "keystone_port: many\n"),
        ["globals.yml:3: 'keystone_port' is 'many'", "expected: a port, from 1 to 65535"],
    ),
    "a missing password": (
        without_password,
        ["passwords.yml: password 'rabbitmq_password' is missing", "run: kolla genpwd"],
    ),
    "a YAML syntax error": (
        changed("globals.yml", "keystone_port: : 5000\n"),
        ["globals.yml:3:16: not YAML: mapping values are not allowed", "hint: quote values"],
    ),
    "a YAML syntax error in passwords": (
        changed("passwords.yml", "\tmine: 1\n"),
        ["passwords.yml:", "not YAML", "indent with spaces"],
    ),
    "a syntax error in an override": (
        changed("config/keystone.conf", "[token]\nexpiration\n"),
        ["config/keystone.conf:2: ", "expected: key = value"],
    ),
    "an undefined variable in a template": (
        changed("config/keystone/keystone.conf", "[token]\nexpiration = {{ keystone_token_expiraton }}\n"),
        [
            "config/keystone/keystone.conf:2: the variable 'keystone_token_expiraton' is not defined",
            "did you mean 'keystone_token_expiration'?",
        ],
    ),
    "a circular expression": (
        changed(
            "globals.yml", 'database_port: "{{ rabbitmq_port }}"\nrabbitmq_port: "{{ database_port }}"\n'
        ),
        ["globals.yml:3: circular expression: database_port -> rabbitmq_port -> database_port"],
    ),
    "an override nothing reads": (
        changed("config/keystone/keystne.conf", "[token]\n"),
        ["config/keystone/keystne.conf: nothing reads this file", "mean config/keystone/keystone.conf?"],
    ),
}


@pytest.mark.parametrize("verb", [["plan", "--offline"], ["deploy"]], ids=["plan", "deploy"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(
    kolla: Kolla, cloud: Path, inventory: Callable[[str], Path], case: str, verb: list[str]
) -> None:
    change, messages = BAD[case]
    change(cloud)
    outcome = kolla(*verb, "--configdir", str(cloud), "-i", str(inventory("control")))
    assert (outcome.exit_code, outcome.out) == (3, "")
    for message in messages:
        assert message in outcome.err


def test_a_group_without_hosts(kolla: Kolla, cloud: Path, inventory: Callable[[str], Path]) -> None:
    path = inventory("storage")
    outcome = kolla("plan", "--offline", "--configdir", str(cloud), "-i", str(path))
    assert (outcome.exit_code, outcome.out) == (3, "")
    assert f"{path}: group 'keystone' (or 'control') has no host, and keystone must run there" in outcome.err
    assert "add a host to [keystone]" in outcome.err


def test_several_mistakes_are_told_at_once(
    kolla: Kolla, cloud: Path, inventory: Callable[[str], Path]
) -> None:
    change, _ = BAD["a typo in a key"]
    change(cloud)
    without_password(cloud)
    outcome = kolla("plan", "--offline", "--configdir", str(cloud), "-i", str(inventory("control")))
    assert outcome.exit_code == 3
    assert "unknown key 'keystone_prot'" in outcome.err
    assert "password 'rabbitmq_password' is missing" in outcome.err


def test_what_is_odd_is_a_warning(kolla: Kolla, cloud: Path, inventory: Callable[[str], Path]) -> None:
    changed("config/globals.conf", "")(cloud)
    changed("passwords.yml", "keystone_admin_pasword: x\n")(cloud)
    (cloud / "passwords.yml").chmod(0o644)
    outcome = kolla("plan", "--offline", "--configdir", str(cloud), "-i", str(inventory("control")))
    assert outcome.exit_code == 2
    for warning in ("others on this machine can read it", "no service asks for", "nothing reads this file"):
        assert warning in outcome.out
