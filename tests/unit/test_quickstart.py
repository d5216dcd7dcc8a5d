"""What quickstart writes, and how it tells people to go on."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kolla.configuration import Configuration
from kolla.errors import InputError
from kolla.events import ignore
from kolla.places import write_json
from kolla.quickstart import (
    COMMENTS,
    EXTERNAL,
    Quickstarted,
    configure,
    external,
    own_command,
    settle_external,
)


@pytest.fixture(autouse=True)
def own_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("kolla.quickstart.own_address", lambda: "192.0.2.9")
    monkeypatch.setattr("kolla.places.state_root", lambda: tmp_path / "state")


def run(tmp_path: Path, extra: str = "") -> str:
    """What is said of settings given with --globals."""
    added = tmp_path / "extra.yml"
    added.write_text(extra)
    return configure(Configuration(tmp_path / "etc"), added)


def written(tmp_path: Path, extra: str = "") -> str:
    run(tmp_path, extra)
    return (tmp_path / "etc/globals.yml").read_text()


def test_every_setting_of_a_new_configuration_says_why(tmp_path: Path) -> None:
    text = written(tmp_path)
    found = yaml.safe_load(text)
    assert found["nova_compute_virt_type"] == "qemu"
    assert found["kolla_internal_vip_address"] == "192.0.2.9"
    for key, comment in COMMENTS.items():
        assert f"# {comment.splitlines()[-1]}\n{key}:" in text


def test_settings_of_ones_own_win(tmp_path: Path) -> None:
    text = written(tmp_path, "nova_compute_virt_type: kvm\ncustom: {a: {b: [1, 2]}}\n")
    found = yaml.safe_load(text)
    assert found["nova_compute_virt_type"] == "kvm"
    assert found["custom"] == {"a": {"b": [1, 2]}}
    assert text.count("nova_compute_virt_type") == 1


def test_a_configuration_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/globals.yml").write_text("network_interface: eth0\n")
    with pytest.raises(InputError, match="did not make"):
        configure(Configuration(tmp_path / "etc"), None)
    assert (tmp_path / "etc/globals.yml").read_text() == "network_interface: eth0\n"


def test_settings_of_a_later_run_are_added(tmp_path: Path) -> None:
    before = written(tmp_path)
    path = tmp_path / "etc/globals.yml"
    path.write_text(before + "openstack_region_name: Here  # as we call it\n")
    said = run(tmp_path, "build_http_proxy: http://user:word@192.0.2.1:3128\nopenstack_region_name: There\n")
    assert said == (
        f"{path}: build_http_proxy, openstack_region_name are now as {tmp_path / 'extra.yml'} says"
    )
    assert path.read_text() == (
        before
        + "openstack_region_name: There  # as we call it\nbuild_http_proxy: http://user:word@192.0.2.1:3128\n"
    )
    assert run(tmp_path, "openstack_region_name: There\n") == ""
    assert run(tmp_path, "# nothing yet\n") == ""
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("- build_http_proxy: x\n", r"extra.yml:1: this is not a mapping"),
        ("cloud_name: a\nbuild_htp_proxy: x\n", r"(?s)extra.yml:2: unknown key.*'build_http_proxy'"),
        ("nova_api_port: many\n", r"(?s)extra.yml:1: .*port"),
        ("a: [\n", r"extra.yml:2:1: not YAML"),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_settings_that_are_none_are_refused_and_nothing_is_written(
    tmp_path: Path, extra: str, said: str, again: bool
) -> None:
    before = written(tmp_path) if again else None
    with pytest.raises(InputError, match=said):
        run(tmp_path, extra)
    path = tmp_path / "etc/globals.yml"
    assert (path.read_text() if path.exists() else None) == before


MACHINE = ["127.0.0.0/8", "192.0.2.0/24", "172.17.0.0/16", "fd00::/64"]


def settled(*networks: str, **given: str) -> list[str]:
    """The four settings, of a machine that leads to some networks."""
    found = {**given, **external(given, [*MACHINE, *networks])}
    return [found.get(key, "") for key in EXTERNAL]


def test_the_external_network_is_one_that_leads_nowhere_yet() -> None:
    assert settled() == ["10.0.2.1/24", "10.0.2.0/24", "10.0.2.1", "10.0.2.150-10.0.2.199"]
    moved = ["10.0.3.1/24", "10.0.3.0/24", "10.0.3.1", "10.0.3.150-10.0.3.199"]
    assert settled("10.0.2.0/24") == moved
    assert settled("10.0.2.15/32", "10.0.0.0/24") == moved
    assert settled("10.0.0.0/8")[1] == "172.16.0.0/24"
    assert settled("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/17")[1] == "192.168.128.0/24"
    with pytest.raises(InputError, match="every private network"):
        settled("0.0.0.0/1", "128.0.0.0/1")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"neutron_bridge_address": "10.0.9.1/24"},
            ["10.0.9.1/24", "10.0.9.0/24", "10.0.9.1", "10.0.9.150-10.0.9.199"],
        ),
        (
            {"neutron_bridge_address": "10.0.9.160/24"},
            ["10.0.9.160/24", "10.0.9.0/24", "10.0.9.160", "10.0.9.200-10.0.9.249"],
        ),
        (
            {"demo_external_cidr": "10.0.9.64/26", "demo_external_range": "10.0.9.70-10.0.9.71"},
            ["10.0.9.65/26", "10.0.9.64/26", "10.0.9.65", "10.0.9.70-10.0.9.71"],
        ),
        (
            {"demo_external_cidr": "2001:db8::/64"},
            ["2001:db8::1/64", "2001:db8::/64", "2001:db8::1", "2001:db8::96-2001:db8::c7"],
        ),
        ({"neutron_bridge_address": ""}, ["", "", "", ""]),
        ({"neutron_external_interface": "eth2"}, ["", "", "", ""]),
        ({"neutron_bridge_address": "nonsense"}, ["nonsense", "", "", ""]),
        ({"demo_external_cidr": "10.0.9.1/32"}, ["", "10.0.9.1/32", "", ""]),
    ],
)
def test_what_is_given_of_it_decides_the_rest(given: dict[str, str], expected: list[str]) -> None:
    assert settled(**given) == expected


@given(
    st.ip_addresses(v=4) | st.ip_addresses(v=6), st.integers(0, 128), st.sampled_from(["address", "network"])
)
def test_the_four_fit_together(address: Any, prefix: int, kind: str) -> None:
    length = min(prefix, address.max_prefixlen)
    text = f"{address}/{length}"
    if kind == "address":
        given_ = {"neutron_bridge_address": text}
    else:
        given_ = {"demo_external_cidr": str(ipaddress.ip_network(text, strict=False))}
    found = {**given_, **external(given_, MACHINE)}
    if set(found) != set(EXTERNAL):
        assert length > address.max_prefixlen - 2
        return
    bridge = ipaddress.ip_interface(found["neutron_bridge_address"])
    network = ipaddress.ip_network(found["demo_external_cidr"])
    first, last = map(ipaddress.ip_address, found["demo_external_range"].split("-"))
    assert bridge.ip in network and first in network and last in network
    assert network.network_address not in (first, last)
    assert int(first) <= int(last) and not int(first) <= int(bridge.ip) <= int(last)
    assert found["demo_external_gateway"] == str(bridge.ip)


def with_facts(tmp_path: Path, **interfaces: Any) -> Configuration:
    """A new configuration of a machine that was asked already."""
    run(tmp_path)
    configuration = Configuration(tmp_path / "etc")
    (host,) = configuration.inventory.hosts
    facts = {"hostname": "one", "distribution": "debian", "distribution_version": "13", "cores": 2}
    facts |= {"architecture": "x86_64", "memory": 1 << 33, "interfaces": interfaces}
    write_json(configuration.places.facts, {host: facts})
    return configuration


def test_the_external_network_is_settled_once(tmp_path: Path) -> None:
    configuration = with_facts(tmp_path, eth0={"networks": ["10.0.2.0/24"]})
    assert settle_external(configuration, ignore)
    text = (tmp_path / "etc/globals.yml").read_text()
    assert (
        "change all or none.\nneutron_bridge_address: 10.0.3.1/24\ndemo_external_cidr: 10.0.3.0/24\n" in text
    )
    assert not settle_external(Configuration(tmp_path / "etc"), ignore)
    assert (tmp_path / "etc/globals.yml").read_text() == text


def test_a_bridge_of_ours_is_no_reason_to_move(tmp_path: Path) -> None:
    configuration = with_facts(tmp_path, **{"br-ex": {"networks": ["10.0.2.0/24"]}})
    assert settle_external(configuration, ignore)
    assert "demo_external_cidr: 10.0.2.0/24\n" in (tmp_path / "etc/globals.yml").read_text()


def ended(**server: object) -> str:
    phases = (("deploy", 60.0),)
    return Quickstarted(
        phases, "All 27 checks passed.", server, Path("/etc/kolla"), "volume kolla_logs"
    ).text()


def test_the_summary_tells_how_to_log_in() -> None:
    text = ended(message="server demo1 knows its name", next=["ssh -i {directory}/demo_key root@10.0.2.150"])
    assert "  made      server demo1 knows its name\n" in text
    assert "\n            ssh -i /etc/kolla/demo_key root@10.0.2.150\n" in text


def test_a_cloud_without_a_server_is_ready_too() -> None:
    assert "  made  " not in ended()


def test_the_summary_says_commands_as_they_can_be_typed() -> None:
    server = {
        "message": "made",
        "next": ["ssh -i {directory}/k root@x", "{kolla} exec box openstack server list"],
    }
    phases = (("deploy", 60.0),)
    text = Quickstarted(phases, "", server, Path("/etc/kolla"), "", "sudo /srv/kolla").text()
    assert "\n            sudo ssh -i /etc/kolla/k root@x\n" in text
    assert "\n            sudo /srv/kolla exec box openstack server list\n" in text
    assert "then: sudo /srv/kolla plan\n" in text


def test_kolla_is_called_by_its_path_unless_the_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(sys.executable).with_name("kolla")
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_command(Path("/etc/kolla")) == str(own)
    monkeypatch.setenv("PATH", str(own.parent))
    assert own_command(Path("/etc/kolla")) == "kolla"
    monkeypatch.setenv("SUDO_UID", "1000")
    assert own_command(Path("/srv/a b")) == "sudo kolla --configdir '/srv/a b'"
