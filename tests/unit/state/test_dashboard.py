"""The dashboard as its container gets it: Python's settings, uWSGI's, the load balancer's, one's own."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import pytest
from world import World

CORE = ("glance", "neutron", "nova", "openvswitch", "ovn", "placement")


@pytest.fixture
def three(tmp_path: Path) -> World:
    """Three controllers with a dashboard each."""
    world = World(tmp_path, ("one", "two", "three"))
    world.globals |= {f"enable_{name}": True for name in (*CORE, "horizon")}
    world.groups |= {group: world.hosts for group in ("compute", "deployment", "network")}
    return world


def files(world: World, container: str) -> dict[str, str]:
    """Name -> text, of the container on the first host."""
    node = next(node for node in world.desired.nodes if (node.name, node.host) == (container, "one"))
    return {name: file.merged.text for name, file in node.config.files.items()}


def settings(world: World) -> dict[str, Any]:
    """What Python has when it has read all of it, in the order in which it does."""
    known: dict[str, Any] = {}
    for name in ("local_settings.py", "_9999-custom-settings.py"):
        exec(files(world, "horizon").get(name, ""), known)
    return known


def test_its_sessions_are_on_every_cache(three: World) -> None:
    (cache,) = settings(three)["CACHES"].values()
    assert cache["LOCATION"] == ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"]
    assert cache["BACKEND"] == "openstack_dashboard.local.kolla_cache.EverywhereCache"


def test_it_asks_the_identity_service_where_services_do(three: World) -> None:
    assert settings(three)["OPENSTACK_KEYSTONE_URL"] == "http://10.0.0.250:5000/v3"


def test_all_hosts_sign_with_the_same_key(three: World) -> None:
    assert len(settings(three)["SECRET_KEY"]) == 40


def test_settings_of_ones_own_are_read_last(three: World) -> None:
    three.override("horizon/_9999-custom-settings.py", "SITE_BRANDING = 'Ours'\nDEFAULT_THEME = 'ours'\n")
    seen = settings(three)
    assert (seen["SITE_BRANDING"], seen["DEFAULT_THEME"]) == ("Ours", "ours")


def test_without_the_load_balancer_it_is_where_the_vip_is(world: World) -> None:
    world.globals |= {f"enable_{name}": True for name in (*CORE, "horizon")}
    world.globals |= {"enable_haproxy": False, "kolla_internal_vip_address": "10.0.0.1"}
    world.groups |= {group: world.hosts for group in ("compute", "deployment", "network")}
    (endpoint,) = (e for e in world.desired.endpoints.values() if e.view.name == "horizon")
    assert endpoint.view.public_url == "http://10.0.0.1:8088/"


def test_the_load_balancer_passes_on_to_all_that_show_the_login(three: World) -> None:
    lines = [line.strip() for line in files(three, "haproxy")["horizon.cfg"].splitlines()]
    assert "option httpchk GET /auth/login/" in lines
    assert "bind 10.0.0.250:8088 transparent" in lines
    assert [line.split()[2] for line in lines if line.startswith("server ")] == [
        "10.0.0.1:8088",
        "10.0.0.2:8088",
        "10.0.0.3:8088",
    ]


def test_uwsgi_serves_what_the_build_has_collected_for_it_and_for_nobody_else(three: World) -> None:
    of = {}
    for name in ("horizon", "keystone"):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        parser.read_string(files(three, name)["uwsgi.ini"])
        of[name] = parser["uwsgi"]
    assert of["horizon"]["static-map"] == "/static=/usr/local/share/kolla_horizon/static"
    assert "static-map" not in of["keystone"]
