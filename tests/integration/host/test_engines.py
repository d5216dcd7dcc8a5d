"""A host with two engines: the cloud is in one of them."""

import pytest

OTHER = "podman"
"""Not needed for these tests: who asks for it is told of the cloud in Docker before it is looked for."""

ASKED = {
    "observe": {"folders": {}, "images": [], "volumes": [], "data": [], "resources": {}, "modules": []},
    "precheck": {"ports": [], "directories": {}, "memory": 0},
    "bootstrap": {"node_config": "/nowhere"},
    "holdings": {},
    "destroy": {"volumes": True, "images": True, "purge": True},
    "logs": {"container": "web", "lines": 1},
}


@pytest.mark.parametrize("verb", ASKED)
def test_a_cloud_of_the_other_engine_is_never_overlooked(host, verb):
    host.apply(host.volume("data"), host.container())
    answer = host.ask(verb, **{**ASKED[verb], "engine": OTHER})
    assert answer["error"] == "engine"
    assert answer["message"] == (
        "kolla_container_engine is podman, and docker has this cloud on this host: "
        f"container {host.name('web')}, volume {host.name('data')}"
    )
    assert answer["hint"].startswith("set kolla_container_engine: docker")
    assert host.containers() == ["web"]


def test_nor_are_volumes_that_it_left(host):
    host.do(host.volume("data"))
    answer = host.begin(engine=OTHER)
    assert answer["message"].endswith(f"docker has this cloud on this host: volume {host.name('data')}")


def test_a_strangers_container_is_no_reason(host, tmp_path):
    host.do(host.container())
    cloud = {"name": "another", "id": "another"}
    answer = host.ask("logs", container="web", lines=1, engine=OTHER, cloud=cloud)
    assert "has this cloud" not in answer["message"]
