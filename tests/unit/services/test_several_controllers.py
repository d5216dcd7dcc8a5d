"""What services say of themselves when several hosts run them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from kolla.errors import Location
from kolla.settings import expressions

from .scripts import SERVICES


def variable(service: str, capability: str, name: str, **scope: object) -> str:
    description = yaml.safe_load((SERVICES / service / "service.yml").read_text())
    text = description["provides"][capability]["variables"][name]
    return expressions.render(text, scope, Location(Path("service.yml"), 1))


def cache(count: int) -> SimpleNamespace:
    members = [SimpleNamespace(address=f"10.0.0.{number}") for number in range(1, count + 1)]
    return SimpleNamespace(port=11211, members=members)


def test_one_cache_that_was_started_again_is_asked_again_at_once() -> None:
    assert variable("memcached", "cache", "oslo", endpoint=cache(1)).splitlines() == [
        "memcache_servers = 10.0.0.1:11211",
        "memcache_dead_retry = 1",
    ]
    assert variable("memcached", "cache", "tokens", endpoint=cache(1)).splitlines() == [
        "memcached_servers = 10.0.0.1:11211",
        "memcache_pool_dead_retry = 1",
    ]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "oslo",
            [
                "memcache_servers = 10.0.0.1:11211,10.0.0.2:11211",
                "memcache_socket_timeout = 0.5",
                "memcache_dead_retry = 60",
                "memcache_pool_flush_on_reconnect = true",
            ],
        ),
        (
            "tokens",
            [
                "memcached_servers = 10.0.0.1:11211,10.0.0.2:11211",
                "memcache_pool_socket_timeout = 1",
                "memcache_pool_dead_retry = 60",
            ],
        ),
    ],
)
def test_of_several_caches_one_that_is_away_is_not_waited_for(name: str, lines: list[str]) -> None:
    assert variable("memcached", "cache", name, endpoint=cache(2)).splitlines() == lines
