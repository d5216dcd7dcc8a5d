"""What `make cloud HOSTS=4` writes."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kolla.api import Cloud
from kolla.configuration import Configuration
from kolla.errors import KollaError
from tests.system.rig import cloud
from tests.system.rig.cloud_files import (
    BUILDING,
    Surroundings,
    farewell,
    groups,
    inventory,
    roles,
    settings,
    ssh_config,
)
from tests.system.rig.rig import INVENTORY

API, EXTERNAL = IPv4Network("10.213.0.0/24"), IPv4Network("10.213.2.0/24")


def around(*hosts: str) -> Surroundings:
    addresses = {host: str(API[11 + number]) for number, host in enumerate(hosts)}
    return Surroundings(addresses, API, EXTERNAL, "127.0.0.1:32000", Path("/var/lib/kolla-rig-hosts"))


def test_four_hosts_are_three_controllers_and_one_for_servers() -> None:
    assert roles(4) == (["node1", "node2", "node3"], ["node4"])
    assert roles(2) == (["node1"], ["node2"])


@pytest.mark.parametrize("count", [-1, 0, 1])
def test_a_cloud_of_one_host_needs_no_emulated_ones(count: int) -> None:
    with pytest.raises(ValueError, match="two or more"):
        roles(count)


@given(st.integers(2, 60))
def test_every_host_has_one_role_and_controllers_can_outvote_one_that_is_lost(count: int) -> None:
    controllers, compute = roles(count)
    assert len({*controllers, *compute}) == len(controllers) + len(compute) == count
    assert len(controllers) in (1, 3)
    assert compute


def test_what_is_written_is_a_cloud_of_these_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back by the product itself."""
    monkeypatch.setattr("kolla.places.state_root", lambda: tmp_path / "state")
    controllers, compute = roles(5)
    here = around(*controllers, *compute)
    hosts = "\n".join(f"{host} ansible_host={address}" for host, address in here.addresses.items())
    own = INVENTORY.format(hosts=hosts, directory=here.directory)
    (tmp_path / "inventory").write_text(inventory(own, controllers, compute, EXTERNAL))
    (tmp_path / "globals.yml").write_text(settings("hosts", here, {"enable_horizon": True}))
    (tmp_path / "kolla-build.conf").write_text(BUILDING)
    Cloud(config_directory=tmp_path).genpwd()
    configuration = Configuration(tmp_path)
    read = configuration.settings
    assert list(read.hosts_of("control")) == list(read.hosts_of("network")) == controllers
    assert list(read.hosts_of("compute")) == compute
    variables = read.inventory.host_vars
    assert [variables[host]["neutron_bridge_address"] for host in controllers] == [
        "10.213.2.3/24",
        "10.213.2.4/24",
        "10.213.2.5/24",
    ]
    assert variables["node5"]["ansible_host"] == "10.213.0.15"
    assert configuration.globals.value("cloud_name") == "hosts"
    assert configuration.build_settings.value("push") is True


def test_one_host_may_have_every_role() -> None:
    assert groups(["node1"], ["node1"], EXTERNAL, neutron_external_interface="eth2") == (
        "[control]\nnode1 neutron_external_interface=eth2 neutron_bridge_address=10.213.2.3/24\n"
        "\n[network:children]\ncontrol\n"
        "\n[compute]\nnode1\n"
    )


def test_settings_of_ones_own_win_and_the_others_say_why() -> None:
    text = settings("hosts", around("node1", "node2"), {"nova_compute_virt_type": "kvm"})
    assert yaml.safe_load(text)["nova_compute_virt_type"] == "kvm"
    assert yaml.safe_load(text)["kolla_internal_vip_address"] == "10.213.0.250"
    assert "# It answers here and on every host at this address.\ndocker_registry: 127.0.0.1:32000\n" in text


def test_ssh_finds_each_host_and_all_share_one_key() -> None:
    text = ssh_config(around("node1", "node2"))
    assert text.startswith("Host node1\n  HostName 10.213.0.11\nHost node2\n  HostName 10.213.0.12\nHost *\n")
    assert text.count("IdentityFile /var/lib/kolla-rig-hosts/key") == 1


def test_people_are_told_how_to_get_at_hosts() -> None:
    said = farewell(["node1"], ["node2"], Path("/etc/kolla-hosts"), "hosts", sudo=True, program="python")
    assert "sudo ssh -F /etc/kolla-hosts/ssh_config node2" in said
    assert "sudo python -m tests.system.rig --name hosts kill node1" in said


def test_what_somebody_else_wrote_is_neither_used_nor_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kolla.places.state_root", lambda: tmp_path / "state")
    monkeypatch.setattr(cloud, "DIRECTORY", tmp_path / "etc")
    assert cloud.down(purge=True) == 0  # there is nothing
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/globals.yml").write_text("network_interface: eth0\n")
    with pytest.raises(KollaError, match="was not made by make cloud"):
        cloud.up(4, None)
    with pytest.raises(KollaError, match="was not made by make cloud"):
        cloud.down(purge=False)
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["globals.yml"]
