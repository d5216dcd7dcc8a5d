"""The services' templates, rendered, say what their readers understand."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from kolla.errors import Location
from kolla.secret import Secret, revealing
from kolla.settings import expressions

from .scripts import SERVICES

ADDRESS = "10.0.0.5"
AWKWARD = Secret("it's \"#%\\")


def member(host: str, address: str) -> SimpleNamespace:
    return SimpleNamespace(host=host, hostname=host.partition(".")[0], address=address)


def endpoint(port: int, *members: SimpleNamespace, path: str = "") -> SimpleNamespace:
    return SimpleNamespace(
        host=ADDRESS,
        port=port,
        internal_url=f"http://{ADDRESS}:{port}{path}",
        public_url=f"http://public:{port}{path}",
        members=members or (member("one.example", ADDRESS),),
    )


def render(service: str, name: str, **scope: Any) -> str:
    """A template of a service's `config/` folder; a setting that is not given has a value by its name."""
    path = SERVICES / service / "config" / name
    values = {
        "api_address": ADDRESS,
        "storage_address": ADDRESS,
        "tunnel_address_family": "ipv4",
        "inventory_hostname": "one.example",
        "openstack_region_name": "RegionOne",
    }
    description = yaml.safe_load((SERVICES / service / "service.yml").read_text())
    for key, setting in description.get("settings", {}).items():
        values[key] = setting.get("default")
    for key in description.get("passwords", {}):
        values[key] = AWKWARD
    with revealing():
        return expressions.render(path.read_text(), {**values, **scope}, Location(path, 1))


def consumer(**identity: Any) -> SimpleNamespace:
    entry = SimpleNamespace(name="glance", type="image", description="Image service", endpoint=endpoint(9292))
    plain = {"user": "glance", "password": AWKWARD, "roles": ("admin",), "entries": (entry,)}
    none = {"domain": None, "grants": ()}
    return SimpleNamespace(name="glance", identity=SimpleNamespace(**{**plain, **none, **identity}))


def register(consumer: SimpleNamespace) -> dict[str, Any]:
    text = render("keystone", "register.json.j2", endpoint=endpoint(5000, path="/v3"), consumer=consumer)
    document: dict[str, Any] = json.loads(text)
    return document


def test_a_registration_has_user_service_and_endpoints() -> None:
    document = register(consumer())
    assert document["services"] == [
        {
            "name": "glance",
            "type": "image",
            "description": "Image service",
            "endpoints": {"internal": f"http://{ADDRESS}:9292", "public": "http://public:9292"},
        }
    ]
    assert document["user"] == {"name": "glance", "password": AWKWARD.reveal(), "roles": ["admin"]}
    assert document["auth"]["auth_url"] == f"http://{ADDRESS}:5000/v3"
    assert document["auth"]["password"] == AWKWARD.reveal()


def test_a_registration_may_lack_the_user_or_the_entries() -> None:
    assert register(consumer(user=None, password=None))["user"] is None
    document = register(consumer(entries=()))
    assert (document["services"], document["domain"], document["grants"]) == ([], None, [])


def test_a_registration_may_have_several_entries_a_domain_and_roles_to_give() -> None:
    entries = [
        SimpleNamespace(name=name, type=type, description=name, endpoint=endpoint(port))
        for name, type, port in (("heat", "orchestration", 8004), ("heat-cfn", "cloudformation", 8000))
    ]
    domain = SimpleNamespace(name="stacks", description="d", administrator="boss", password=AWKWARD)
    document = register(consumer(entries=entries, domain=domain, grants=("owner", "user")))
    assert [entry["type"] for entry in document["services"]] == ["orchestration", "cloudformation"]
    assert document["domain"]["administrator"] == {"name": "boss", "password": AWKWARD.reveal()}
    assert document["grants"] == ["owner", "user"]


@pytest.mark.parametrize("name", ["keys", "bootstrap", "token"])
def test_the_files_of_jobs_are_json(name: str) -> None:
    assert json.loads(render("keystone", f"{name}.json.j2", endpoint=endpoint(5000, path="/v3")))


def test_client_files_survive_any_password() -> None:
    clouds = yaml.safe_load(render("keystone", "clouds.yaml.j2", endpoint=endpoint(5000, path="/v3")))
    assert clouds["clouds"]["kolla-admin"]["auth"]["password"] == AWKWARD.reveal()
    script = render("keystone", "admin-openrc.sh.j2", endpoint=endpoint(5000, path="/v3"))
    (line,) = (line for line in script.splitlines() if "OS_PASSWORD=" in line)
    assert shlex.split(line) == ["export", f"OS_PASSWORD={AWKWARD.reveal()}"]


def test_keystone_finds_its_database_and_its_keys() -> None:
    scope = {
        "database": SimpleNamespace(url="mysql+pymysql://keystone:p%25@h/keystone"),
        "message_bus": SimpleNamespace(url="rabbit://h", oslo="rabbit_quorum_queue = true"),
        "cache": SimpleNamespace(oslo="memcache_servers = h:11211", tokens="memcached_servers = h:11211"),
    }
    parser = configparser.RawConfigParser()
    parser.read_string(render("keystone", "keystone.conf.j2", **scope, container="keystone"))
    assert parser["database"]["connection"] == "mysql+pymysql://keystone:p%25@h/keystone"
    assert parser["fernet_receipts"]["key_repository"] == parser["fernet_tokens"]["key_repository"]


def test_servers_listen_on_the_api_address_only() -> None:
    uwsgi = render("base", "uwsgi.ini.j2", module="m", port=5000, processes=2)
    assert f"http-socket = {ADDRESS}:5000" in uwsgi
    assert f"bind {ADDRESS}:1984" in render("haproxy", "haproxy.cfg.j2")
    scope = {"endpoint": endpoint(5672)}
    assert f"listeners.tcp.1 = {ADDRESS}:5672" in render("rabbitmq", "rabbitmq.conf.j2", **scope)
    environment = render("rabbitmq", "rabbitmq-env.conf.j2", **scope)
    assert "inet_dist_use_interface {10,0,0,5}" in environment
    assert f"ERL_EPMD_ADDRESS={ADDRESS}" in environment


def test_members_of_the_message_bus_know_each_other() -> None:
    members = (member("two.example", "10.0.0.6"), member("one.example", ADDRESS))
    scope = {"endpoint": endpoint(5672, *members)}
    assert "NODENAME=rabbit@one\n" in render("rabbitmq", "rabbitmq-env.conf.j2", **scope)
    assert render("rabbitmq", "erl_inetrc.j2", **scope).splitlines() == [
        '{host, {10,0,0,6}, ["two"]}.',
        '{host, {10,0,0,5}, ["one"]}.',
        "{lookup, [file, native]}.",
    ]
    assert json.loads(render("rabbitmq", "members.json.j2", **scope)) == {
        "here": "rabbit@one",
        "port": 5672,
        "members": [
            {"node": "rabbit@two", "address": "10.0.0.6"},
            {"node": "rabbit@one", "address": ADDRESS},
        ],
    }


@pytest.mark.parametrize(
    ("count", "handling"), [(1, None), (2, "autoheal"), (3, "pause_minority"), (5, "pause_minority")]
)
def test_what_members_that_are_cut_off_do_depends_on_their_number(count: int, handling: str | None) -> None:
    members = [member(f"h{number}.example", f"10.0.0.{number}") for number in range(count)]
    lines = render("rabbitmq", "rabbitmq.conf.j2", endpoint=endpoint(5672, *members)).splitlines()
    found = [line.partition(" = ")[2] for line in lines if line.startswith("cluster_partition_handling")]
    assert found == ([handling] if handling else [])


def database_configuration(*members: SimpleNamespace) -> configparser.RawConfigParser:
    scope = {"endpoint": endpoint(3306, *members), "cloud_name": "kolla"}
    parser = configparser.RawConfigParser(allow_no_value=True)
    parser.read_string(render("mariadb", "my.cnf.j2", **scope))
    return parser


def test_a_database_on_one_host_knows_nothing_of_clusters() -> None:
    alone = database_configuration()
    assert alone.sections() == ["client-server", "mariadbd"]
    assert not [option for option in alone["mariadbd"] if "wsrep" in option]
    assert "cluster" not in json.loads(render("mariadb", "bootstrap.json.j2", endpoint=endpoint(3306)))


def test_members_of_the_database_know_each_other_and_where_they_listen() -> None:
    members = (member("two.example", "10.0.0.6"), member("one.example", ADDRESS))
    server = database_configuration(*members)["mariadbd"]
    assert server["wsrep_cluster_address"] == f"gcomm://10.0.0.6:4567,{ADDRESS}:4567"
    assert server["wsrep_node_address"] == f"{ADDRESS}:4567"
    assert server["wsrep_sst_receive_address"] == f"{ADDRESS}:4444"
    provider = dict(each.split("=") for each in server["wsrep_provider_options"].strip('"').split(";"))
    assert provider["gmcast.listen_addr"] == f"tcp://{ADDRESS}:4567"
    assert provider["ist.recv_addr"] == f"{ADDRESS}:4568"
    assert provider["pc.recovery"] == "TRUE"
    job = json.loads(render("mariadb", "bootstrap.json.j2", endpoint=endpoint(3306, *members)))
    assert job["cluster"] is True


def test_what_a_member_keeps_when_it_gets_a_copy_is_a_pattern() -> None:
    """As find(1) reads it: `\\|` between patterns of whole paths."""
    members = (member("two.example", "10.0.0.6"), member("one.example", ADDRESS))
    pattern = database_configuration(*members)["sst"]["cpat"].replace("\\|", "|")
    kept = ["grastate.dat", "gvwstate.dat", "galera.cache", "sst_in_progress", ".kolla-version"]
    assert all(re.fullmatch(pattern, f"/var/lib/mysql/{name}") for name in kept)
    gone = ["ibdata1", "mysql", "mariadb_upgrade_info", ".kolla-restoring"]
    assert not any(re.fullmatch(pattern, f"/var/lib/mysql/{name}") for name in gone)


def listener_lines(**listener: Any) -> list[str]:
    given = {
        "name": "keystone",
        "protocol": "http",
        "binds": ["10.0.0.1:5000", "192.0.2.1:5000"],
        "options": ["option httpchk GET /healthcheck"],
        "members": [SimpleNamespace(host="one", address=ADDRESS, port=5000)],
        "active": "all",
    }
    listener = {**given, **listener}
    text = render("haproxy", "listener.cfg.j2", listener=SimpleNamespace(**listener))
    return [line.strip() for line in text.splitlines()]


def test_a_listener_has_its_binds_options_and_members() -> None:
    lines = listener_lines()
    assert lines[:2] == ["listen keystone", "mode http"]
    binds = [line for line in lines if line.startswith("bind ")]
    assert binds == ["bind 10.0.0.1:5000 transparent", "bind 192.0.2.1:5000 transparent"]
    assert lines[-2] == "option httpchk GET /healthcheck"
    assert lines[-1].startswith(f"server one {ADDRESS}:5000 check")


def test_of_members_that_serve_one_at_a_time_the_others_are_backups() -> None:
    members = [SimpleNamespace(host=host, address=ADDRESS, port=3306) for host in ("one", "two", "three")]
    in_turn = listener_lines(members=members)
    assert not any("backup" in line for line in in_turn)
    lines = listener_lines(members=members, active="one")
    # Not by `on-marked-down shutdown-sessions`: decision 64.
    assert lines[-4] == "default-server tcp-ut 10s"
    assert [line.endswith(" backup") for line in lines[-3:]] == [False, True, True]
    assert listener_lines(members=members[:1], active="one") == listener_lines(members=members[:1])


def test_the_user_of_the_message_bus_may_have_any_password() -> None:
    document = json.loads(render("rabbitmq", "definitions.json.j2"))
    assert document["users"][0]["password"] == AWKWARD.reveal()
    assert document["users"][0]["name"] == document["permissions"][0]["user"]
