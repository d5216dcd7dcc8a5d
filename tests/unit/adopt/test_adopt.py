"""Another tool's configuration becoming ours: text in, text and findings out.

`their_globals.txt` and `their_passwords.txt` are the names of all keys of Kolla-Ansible 22.2's sample files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kolla.adopt import files, groups, mapping, secrets, settings
from kolla.adopt.finding import Finding
from kolla.adopt.settings import Carried
from kolla.api import Cloud
from kolla.catalogue import loader
from kolla.errors import InputError, Location
from kolla.results import Adopted
from kolla.secret import Secret
from kolla.settings import keys, passwords
from kolla.settings.inventory import Inventory
from kolla.yamlfile import parse

HERE = Path(__file__).parent
RULES = mapping.load()
CATALOGUE = loader.load(())
KNOWN = keys.of(CATALOGUE)
EXPECTED = passwords.expected(CATALOGUE)
THEIR_GLOBALS = (HERE / "their_globals.txt").read_text().split()
THEIR_PASSWORDS = (HERE / "their_passwords.txt").read_text().split()
OVN = "neutron_plugin_agent: ovn\nenable_horizon: no\nenable_heat: no\n"


def carry(*texts: str) -> Carried:
    documents = [parse(text, Path(f"{number}.yml")) for number, text in enumerate(texts)]
    return settings.carry(documents, RULES.globals, KNOWN)


def ours(*texts: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(settings.text(carry(*texts), KNOWN, []))
    return document


def found(*texts: str) -> dict[str, Finding]:
    return {finding.what: finding for finding in carry(*texts).findings}


# -- the mapping itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", THEIR_GLOBALS)
def test_every_key_of_their_sample_is_accounted_for(name: str) -> None:
    where = [
        name in RULES.globals.volumes,
        name in RULES.globals.renamed,
        RULES.globals.is_settled(name),
        name in KNOWN,
        RULES.globals.missing_key(name, known=name in KNOWN) is not None,
    ]
    assert any(where), "neither carried over, nor listed with a reason"


@pytest.mark.parametrize("name", THEIR_PASSWORDS)
def test_every_password_of_theirs_is_carried_or_told(name: str) -> None:
    carried = secrets.carry({name: Secret("hidden")}, RULES.passwords, EXPECTED)
    assert len(carried.given) + len(carried.unused) == 1
    told = str(secrets.findings(carried, {}, Location(Path("passwords.yml"))))
    assert (name in told) == (name in carried.unused)
    assert "hidden" not in told


def test_what_is_carried_over_is_ours() -> None:
    volumes = {
        v for f in CATALOGUE.folders.values() for c in f.service.containers.values() for v in c.volumes
    }
    switches = {f"enable_{name}" for name in CATALOGUE.folders}
    rules = RULES.globals
    assert set(rules.renamed.values()) <= KNOWN.keys()
    assert {*rules.added, *rules.defaults} <= KNOWN.keys()
    assert {*rules.volumes.values(), *rules.added["volume_names"]} <= volumes
    assert {f"enable_{service}" for each in rules.missing for service in each.without} <= switches
    assert set(RULES.passwords.renamed.values()) <= EXPECTED.keys()
    assert {*RULES.groups.children, *RULES.groups.alone} <= CATALOGUE.groups.keys()


def test_every_container_of_theirs_is_replaced_once() -> None:
    names = [
        name
        for folder in CATALOGUE.folders.values()
        for container, declared in folder.service.containers.items()
        for name in (container.replace("-", "_"), *declared.replaces)
    ]
    assert len(names) == len(set(names))


# -- globals ----------------------------------------------------------------------------------------


def test_what_is_not_set_goes_on_as_it_was() -> None:
    assert ours(OVN)["enable_keepalived"] is True
    assert ours(OVN + "enable_keepalived: no\n")["enable_keepalived"] is False


def test_the_same_keys_and_renamed_ones_are_carried_over() -> None:
    text = OVN + 'openstack_release: 2025.2\nmariadb_port: "3307"\nkolla_internal_vip_address: 10.0.0.5\n'
    text += "nova_console: spice\nenable_nova_serialconsole_proxy: yes\n"
    made = ours(text)
    assert (made["nova_console"], made["enable_nova_serialconsole_proxy"]) == ("spice", True)
    assert made["openstack_release"] == "2025.2"
    assert made["database_port"] == "3307"
    assert made["kolla_internal_vip_address"] == "10.0.0.5"
    assert made["adopt_containers"] is True and made["enable_demo"] is False
    assert not found(text)


def test_later_files_win() -> None:
    assert ours(OVN + "openstack_region_name: A", "openstack_region_name: B")["openstack_region_name"] == "B"


def test_volumes_that_are_elsewhere_stay_there() -> None:
    text = OVN + "glance_file_datadir_volume: /mnt/images\nmariadb_datadir_volume: mariadb\n"
    assert ours(text)["volume_names"] == {
        "nova_libvirt": "libvirtd",
        "rabbitmq": "rabbitmq_of_kolla",
        "glance": "/mnt/images",
    }


def test_what_is_not_there_is_told_with_its_line_unless_it_is_off() -> None:
    findings = found(OVN + "enable_manila: yes\nenable_octavia: no\nkolla_enable_tls_external: 'true'\n")
    assert list(findings) == ["enable_manila", "kolla_enable_tls_external"]
    assert str(findings["enable_manila"].where) == "0.yml:4"
    assert not findings["enable_manila"].must and findings["kolla_enable_tls_external"].must


def test_another_network_driver_is_told_and_what_hangs_on_it_is_left_alone() -> None:
    text = OVN.replace("ovn", "openvswitch")
    for given in (text, OVN.replace("neutron_plugin_agent: ovn\n", "")):  # it is their default
        finding = found(given)["neutron_plugin_agent"]
        assert finding.must and "OVN" in finding.why
        made = ours(given)
        assert [made[f"enable_{s}"] for s in ("neutron", "nova", "openvswitch", "ovn")] == [False] * 4
        assert "neutron_plugin_agent" not in made
    assert "enable_nova" not in ours(OVN)
    assert ours(OVN)["neutron_plugin_agent"] == "ovn"


def test_a_value_that_kolla_refuses_is_told_and_left_out() -> None:
    text = OVN + "kolla_base_distro: suse\nnova_api_port: 99999\nkeystone_admin_user: '{{ my.name }}'\n"
    findings = found(text)
    assert list(findings) == ["kolla_base_distro", "nova_api_port", "keystone_admin_user"]
    assert all(finding.must for finding in findings.values())
    assert not {"kolla_base_distro", "nova_api_port", "keystone_admin_user"} & ours(text).keys()


def test_expressions_over_keys_of_ours_stay_expressions() -> None:
    text = OVN + 'network_interface: eth0\ntunnel_interface: "{{ network_interface }}"\n'
    assert ours(text)["tunnel_interface"] == "{{ network_interface }}"
    assert not found(text)


def test_families_of_networks_are_carried_over() -> None:
    text = OVN + 'network_address_family: ipv6\nmigration_address_family: "{{ network_address_family }}"\n'
    assert ours(text)["network_address_family"] == "ipv6"
    assert ours(text)["migration_address_family"] == "{{ network_address_family }}"
    assert not found(text)


def test_unknown_keys_are_kept_for_templates() -> None:
    text = OVN + "my_rack: b7\nmy_list: [1, 2]\n"
    assert ours(text)["custom"] == {"my_rack": "b7", "my_list": [1, 2]}
    assert "custom.my_rack" in found(text)["my_rack"].instead


# -- passwords, inventory, files -------------------------------------------------------------------


def test_a_renamed_password_keeps_its_value() -> None:
    carried = secrets.carry({"metadata_secret": Secret("s3")}, RULES.passwords, EXPECTED)
    assert carried.given["nova_metadata_secret"].reveal() == "s3"
    assert not carried.unused


def inventory(**hosts: list[str]) -> Inventory:
    return Inventory.parse({group: {"hosts": names} for group, names in hosts.items()}, ("multinode",))


def test_our_groups_get_the_hosts_of_theirs() -> None:
    theirs = inventory(control=["a"], loadbalancer=["b"], kolla_toolbox=["a"])
    assert groups.text(theirs, RULES.groups) == (
        "[haproxy:children]\nloadbalancer\n\n[kolla-toolbox:children]\nkolla_toolbox\n"
    )
    assert groups.text(inventory(control=["a"], haproxy=["a"], loadbalancer=["b"]), RULES.groups) == ""


def test_a_cluster_of_databases_is_not_taken_over_by_halves() -> None:
    theirs = inventory(mariadb=["a", "b", "c"])
    (finding,) = groups.findings(theirs, RULES.groups, Location(Path("multinode")))
    assert finding.must and "3 hosts" in finding.why


OVERRIDES = {name: Path("config") / name for name in ("global.conf", "galera.cnf", "nova/nova-compute.conff")}
READ = ("global.conf", "nova/nova-compute.conf", "mariadb/my.cnf")


def test_only_files_that_are_read_are_copied_and_the_others_told() -> None:
    assert list(files.readable(OVERRIDES, READ, RULES.overrides)) == ["global.conf"]
    told = {finding.what: finding.instead for finding in files.findings(OVERRIDES, READ, RULES.overrides)}
    assert "config/mariadb/my.cnf" in told["config/galera.cnf"]
    assert told["config/nova/nova-compute.conff"] == "config/nova/nova-compute.conf is read"


def test_variables_that_templates_do_not_have_are_told_with_their_line() -> None:
    texts = {"global.conf": "[DEFAULT]\na = {{ nova_api_port }}\nb = {{ nova_libvirt_port }}\n"}
    (finding,) = files.variables(OVERRIDES, texts, KNOWN)
    assert str(finding.where) == "config/global.conf:3" and "'nova_libvirt_port'" in finding.why
    (broken,) = files.variables(OVERRIDES, {"global.conf": "{{ a"}, KNOWN)
    assert broken.must


# -- the verb ---------------------------------------------------------------------------------------

INVENTORY = """\
[control]
one ansible_connection=local neutron_external_interface=eth7
[network:children]
control
[compute:children]
control
[deployment:children]
control
[loadbalancer:children]
network
"""


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A configuration directory of that tool, and an inventory with variables beside it."""
    etc = tmp_path / "theirs"
    (etc / "config" / "nova").mkdir(parents=True)
    (etc / "globals.yml").write_text(OVN + "kolla_internal_vip_address: 10.0.0.5\nnetwork_interface: eth0\n")
    secrets_ = {name: f"secret-{name}" for name in THEIR_PASSWORDS if not name.endswith("_ssh_key")}
    (etc / "passwords.yml").write_text(yaml.safe_dump({**secrets_, "nova_ssh_key": {"private_key": "x"}}))
    (etc / "passwords.yml").chmod(0o600)
    (etc / "config" / "nova" / "nova-compute.conf").write_text("[libvirt]\ncpu_mode = none\n")
    (etc / "config" / "galera.cnf").write_text("[mysqld]\n")
    (tmp_path / "group_vars" / "compute").mkdir(parents=True)
    (tmp_path / "group_vars" / "compute" / "all.yml").write_text("nova_compute_virt_type: qemu\n")
    (tmp_path / "multinode").write_text(INVENTORY)
    return etc


def adopt(theirs: Path) -> tuple[Path, Adopted]:
    target = theirs.parent / "ours"
    return target, Cloud(target, inventory=(str(theirs.parent / "multinode"),)).adopt(theirs)


def snapshot(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_whole_directory_becomes_one_that_kolla_accepts(theirs: Path) -> None:
    before = snapshot(theirs)
    target, adopted = adopt(theirs)
    assert snapshot(theirs) == before, "theirs is only read"
    assert adopted.exit_code == 0, adopted.text()
    assert adopted.findings[0].what == "config/galera.cnf"
    read = Cloud(target).configuration
    assert read.settings.hosts_of("haproxy") == ("one",)
    assert read.settings.scope("one")["nova_compute_virt_type"] == "qemu"
    assert read.settings.scope("one")["neutron_external_interface"] == "eth7"
    assert read.settings.passwords["keystone_admin_password"] == Secret("secret-keystone_admin_password")
    assert list(read.settings.overrides.files) == ["nova/nova-compute.conf"]
    assert (target / "passwords.yml").stat().st_mode & 0o777 == 0o600
    assert "secret-" not in (target / "adoption.txt").read_text()
    assert adopted.to_json()["findings"][0]["where"] == str(theirs / "config/galera.cnf")


def test_what_our_settings_refuse_is_a_finding(theirs: Path) -> None:
    (theirs.parent / "group_vars" / "compute" / "all.yml").write_text("keystone_port: 5001\n")
    _, adopted = adopt(theirs)
    assert adopted.exit_code == 2
    assert any("'keystone_port' is given in the inventory" in finding.why for finding in adopted.findings)


@pytest.mark.parametrize(
    ("break_", "message"),
    [
        (lambda etc: (etc / "globals.yml").unlink(), "there is no globals.yml"),
        (lambda etc: (etc / "passwords.yml").unlink(), "there is no such file"),
        (
            lambda etc: (etc / "passwords.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n3"),
            "ansible-vault decrypt",
        ),
        (lambda etc: (etc.parent / "multinode").unlink(), "is no inventory file or directory"),
        (lambda etc: (etc / "globals.yml").write_text("a: [\n"), "not YAML"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_written(
    theirs: Path, break_: Any, message: str
) -> None:
    break_(theirs)
    with pytest.raises(InputError) as caught:
        adopt(theirs)
    assert message in str(caught.value)
    assert not (theirs.parent / "ours").exists()


def test_no_configuration_is_ever_written_over(theirs: Path) -> None:
    with pytest.raises(InputError, match="nothing is ever written over it"):
        Cloud(theirs).adopt(theirs)
    adopt(theirs)
    with pytest.raises(InputError, match="there is a configuration already"):
        adopt(theirs)
