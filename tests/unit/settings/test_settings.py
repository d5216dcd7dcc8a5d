from pathlib import Path
from typing import Any

import pytest

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError, Location
from kolla.secret import MASK, Secret, revealing
from kolla.settings import load
from kolla.settings.expressions import UndefinedVariable, evaluate
from kolla.settings.inventory import Inventory

from .conftest import VIP, LoadSettings, Write, inventory

WHERE = Location(Path("test"))


def message(load_settings: LoadSettings, *arguments: Any, **named: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_settings(*arguments, **named)
    return str(caught.value)


def test_what_settings_hold(load_settings: LoadSettings):
    settings = load_settings(VIP + "enable_memcached: true\ncloud_name: test\n")
    assert settings.cloud_name == "test"
    assert len(settings.cloud_id) == 36
    assert [folder.name for folder in settings.services] == sorted(f.name for f in settings.services)
    assert "base" not in [folder.name for folder in settings.services]
    assert settings.warnings == ()
    assert settings.provider("database") is not None
    assert settings.hosts_of("keystone") == ("one",)


def test_host_wins_over_group_wins_over_globals(load_settings: LoadSettings):
    hosts = inventory({"a": {"network_interface": "eth1"}, "b": {}}, control=["a", "b"])
    settings = load_settings(VIP + "network_interface: eth0\n", hosts)
    assert settings.scope("a")["api_interface"] == "eth1"
    assert settings.scope("b")["api_interface"] == "eth0"
    assert settings.scope(None)["api_interface"] == "eth0"


def test_expressions_are_evaluated_on_each_host(load_settings: LoadSettings):
    hosts = inventory({"a": {"rack": 1}, "b": {"rack": "{{ 1 + 1 }}"}}, control=["a", "b"])
    text = VIP + "network_interface: 'eth{{ rack }}'\ncustom: {me: '{{ inventory_hostname }}'}\n"
    settings = load_settings(text, hosts)
    assert [settings.scope(host)["network_interface"] for host in ("a", "b")] == ["eth1", "eth2"]
    assert settings.scope("b")["custom"]["me"] == "b"
    assert settings.scope("a")["groups"]["control"] == ("a", "b")


def test_extra_wins_and_is_seen_inside_globals(load_settings: LoadSettings):
    settings = load_settings(VIP + "keystone_admin_user: 'x-{{ endpoint.name }}-{{ api_address }}'\n")
    scope = settings.scope("one", {"endpoint": {"name": "e"}, "api_address": "192.0.2.9"})
    assert scope["keystone_admin_user"] == "x-e-192.0.2.9"
    with pytest.raises(UndefinedVariable, match="'endpoint' is not defined"):
        settings.scope("one")["keystone_admin_user"]


def test_a_key_without_value(load_settings: LoadSettings):
    scope = load_settings().scope("one")
    assert scope.get("network_interface") is None
    assert "network_interface" not in scope
    with pytest.raises(InputError, match="'network_interface' has no value"):
        scope["network_interface"]
    with pytest.raises(UndefinedVariable, match="'network_interface' has no value"):
        scope["api_interface"]
    assert evaluate("{{ network_interface is defined }}", scope, WHERE) is False
    with pytest.raises(KeyError):
        scope["no_such_name"]


def test_passwords_are_secrets_and_stay_so(load_settings: LoadSettings):
    settings = load_settings(VIP + "rabbitmq_user: 'u-{{ database_password }}'\n")
    scope = settings.scope("one")
    plain = settings.passwords["database_password"].reveal()
    assert isinstance(scope["rabbitmq_user"], Secret)
    assert str(scope["rabbitmq_user"]) == MASK
    with revealing() as exposure:
        assert evaluate("{{ rabbitmq_user ~ '' }}", scope, WHERE) == f"u-{plain}"
    assert exposure.happened
    assert plain not in repr(settings)
    assert "cloud_id" not in settings.passwords


def test_a_password_is_never_a_template(write: Write, load_settings: LoadSettings):
    directory = load_settings().config_directory
    path = directory / "passwords.yml"
    path.write_text(path.read_text().replace("database_password: ", "database_password: '{{ 1 }}' #", 1))
    text = path.read_text()
    assert "'{{ 1 }}'" in text
    settings = load(directory, inventory=inventory())
    with revealing():
        name = next(n for n in settings.passwords if n.endswith("database_password"))
        assert evaluate("{{ " + name + " ~ '' }}", settings.scope(None), WHERE) == "{{ 1 }}"


def test_missing_passwords_name_genpwd(write: Write):
    directory = write(VIP)
    with pytest.raises(InputError) as caught:
        load(directory, inventory=inventory())
    assert "passwords.yml: " in str(caught.value)
    assert "passwords are missing: cloud_id, " in str(caught.value)
    assert "run: kolla genpwd" in str(caught.value)


def test_one_missing_password(load_settings: LoadSettings, catalogue: Catalogue):
    directory = load_settings().config_directory
    path = directory / "passwords.yml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("rabbitmq_password")]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="password 'rabbitmq_password' is missing"):
        load(directory, inventory=inventory())
    # A service that is off needs none. Who needs the bus is then off as well.
    off = {folder.name for folder in catalogue.folders.values() if folder.service.enabled} - {"mariadb"}
    (directory / "globals.yml").write_text(VIP + "".join(f"enable_{name}: false\n" for name in sorted(off)))
    assert load(directory, inventory=inventory()).cloud_id


def test_unknown_passwords_and_loose_mode_are_warnings(load_settings: LoadSettings):
    directory = load_settings().config_directory
    path = directory / "passwords.yml"
    path.write_text(path.read_text() + "rabbitmq_pasword: mine\n")
    path.chmod(0o640)
    settings = load(directory, inventory=inventory())
    assert any("'rabbitmq_pasword'; did you mean 'rabbitmq_password'?" in w for w in settings.warnings)
    assert any("others on this machine can read it" in w for w in settings.warnings)
    assert settings.passwords["rabbitmq_pasword"] == Secret("mine")


def test_required_key(load_settings: LoadSettings):
    assert "globals.yml: 'kolla_internal_vip_address' has no value" in message(load_settings, "")


def test_what_a_file_may_hold_that_cannot_be_read_is_not_called_missing(load_settings: LoadSettings):
    found = message(load_settings, "kolla_internal_vip_address: 10.0.0.1\nx: [\n")
    assert "globals.yml:3:1: not YAML" in found
    assert "has no value" not in found


def test_missing_provider_names_the_switch(load_settings: LoadSettings):
    found = message(load_settings, VIP + "enable_mariadb: no\n")
    assert "globals.yml:2: 'keystone' needs 'database', which no enabled service provides" in found
    assert "set enable_mariadb: true, or enable_keystone: false" in found


def test_a_switch_may_ask_for_the_groups(load_settings: LoadSettings):
    text = VIP + "enable_haproxy: \"{{ groups['control'] | length > 1 }}\"\n"
    assert "haproxy" not in [folder.name for folder in load_settings(text).services]
    two = inventory(control=["a", "b"])
    assert "haproxy" in [folder.name for folder in load_settings(text, two).services]


def test_a_switch_that_goes_in_circles(load_settings: LoadSettings):
    found = message(load_settings, VIP + "cloud_name: '{{ cloud_name }}'\nkeystone_prot: 1\n")
    assert "circular expression: cloud_name -> cloud_name" in found
    assert "keystone_prot" in found


def test_the_proxy_is_optional(load_settings: LoadSettings):
    names = [folder.name for folder in load_settings(VIP + "enable_haproxy: no\n").services]
    assert "haproxy" not in names
    assert "keystone" in names


def test_two_providers_of_one_thing(write: Write, load_settings: LoadSettings):
    directory = load_settings().config_directory
    service = directory / "services" / "other-cache" / "service.yml"
    service.parent.mkdir(parents=True)
    service.write_text(
        "name: other-cache\ntitle: x\nenabled: true\nimages: {other-cache: {user: memcached}}\n"
        "containers: {other-cache: {command: x}}\nendpoints: {other: {container: other-cache, port: '1'}}\n"
        "provides: {cache: {endpoint: other}}\n"
    )
    with pytest.raises(InputError) as caught:
        load(directory, inventory=inventory(), service_paths=[directory / "services"])
    assert "'memcached' and 'other-cache' both provide 'cache'" in str(caught.value)
    write(VIP + "enable_other_cache: no\n")
    assert load(directory, inventory=inventory(), service_paths=[directory / "services"])


def test_group_without_hosts(load_settings: LoadSettings):
    found = message(load_settings, VIP, inventory(compute=["one"]))
    assert "inventory/multinode: group 'keystone' (or 'control') has no host, and keystone must run" in found
    hosts = Inventory.parse({"control": {"hosts": ["one"]}, "all": {"children": ["control", "memcached"]}})
    assert "group 'memcached' has no host" in message(load_settings, VIP, hosts)


def test_groups_of_the_inventory_win_over_default_parents(load_settings: LoadSettings):
    settings = load_settings(VIP, inventory(control=["a"], keystone=["b"]))
    assert settings.hosts_of("keystone") == ("b",)
    assert settings.hosts_of("mariadb") == ("a",)
    assert settings.hosts_of("no-such-group") == ()


def test_a_group_may_have_the_hosts_of_several(load_settings: LoadSettings, tmp_path: Path):
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "service.yml").write_text(
        "name: shapes\ntitle: x\nenabled: false\ngroups: {shapes: [network, compute], edge: shapes}\n"
    )
    hosts = inventory(control=["a"], network=["a", "b"], compute=["c", "b"])
    settings = load_settings(VIP, hosts, service_paths=[tmp_path / "shapes"])
    assert settings.hosts_of("shapes") == settings.hosts_of("edge") == ("a", "b", "c")
    scope = settings.scope("c")
    assert scope["groups"]["edge"] == ("a", "b", "c")
    assert scope["groups"]["keystone"] == ("a",)
    assert {"compute", "edge", "shapes"} <= set(scope["group_names"])
    assert not {"control", "keystone", "network"} & set(scope["group_names"])


def test_what_must_not_stand_in_the_inventory(load_settings: LoadSettings):
    variables = {"keystone_port": 1, "database_password": "x", "api_address": "1.2.3.400", "mine": "{{ x }}"}
    found = message(load_settings, VIP, inventory({"one": variables}, control=["one"]))
    assert "'keystone_port' is given in the inventory, for host 'one', but holds for the whole cloud" in found
    assert "move it to globals.yml" in found
    assert "move it to passwords.yml" in found
    assert "host 'one': 'api_address' is '1.2.3.400'" in found
    assert "mine" not in found


def test_wrong_expression_of_a_host(load_settings: LoadSettings):
    hosts = inventory({"one": {"api_address": "{{ 'a b' ~ '' }}"}}, control=["one"])
    assert "is 'a b'\n  expected: an IP address" in message(load_settings, VIP, hosts)


def test_all_mistakes_at_once(write: Write):
    directory = write("keystone_prot: 1\nkeystone_port: x\nenable_mariadb: no\ncloud_name: A/B\n")
    with pytest.raises(InputError) as caught:
        load(directory, inventory=inventory(compute=["one"]))
    for words in (
        *("'keystone_prot'", "'keystone_port' is 'x'", "passwords are missing", "'A/B' cannot be the cloud"),
        *("'kolla_internal_vip_address' has no value", "needs 'database'", "has no host"),
    ):
        assert words in str(caught.value)


def test_a_group_that_is_everywhere_has_every_host_that_a_service_has(load_settings: LoadSettings):
    hosts = inventory(None, control=["a"], compute=["c"], mariadb=["b"], storage=["s"], deployment=["d"])
    settings = load_settings(VIP, hosts)
    assert settings.hosts_of("logrotate") == ("a", "c", "s", "b")
    moved = inventory(None, control=["a"], compute=["c"], logrotate=["c"])
    assert load_settings(VIP, moved).hosts_of("logrotate") == ("c",)
