"""Where jobs are done."""

from pathlib import Path

import pytest
from world import World

from kolla.errors import InputError

ERRANDS = """\
name: errands
title: Errands
enabled: true
groups: {errands: compute}
images: {errands: {}}
jobs:
  run:
    image: errands
    command: [run]
    binds: [{source: "/srv/{{ inventory_hostname }}", target: /srv, read_only: true}]
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A cloud with a service that runs nothing but a job."""
    world = World(tmp_path, hosts=("one", "two"))
    world.groups["compute"] = ("two", "one")
    world.services = tmp_path / "services"
    (world.services / "errands").mkdir(parents=True)
    (world.services / "errands/service.yml").write_text(ERRANDS)
    world.globals.pop("enable_notes", None)
    return world


def test_a_service_without_containers_has_its_jobs_done_in_its_group(world: World) -> None:
    (job,) = (job for job in world.desired.jobs if job.name == "errands/run")
    assert job.host == world.settings.hosts_of("errands")[0]
    (bind,) = (mount for mount in job.spec.mounts if mount.target == "/srv")
    assert (bind.source, bind.read_only) == (f"/srv/{job.host}", True)


def test_and_that_group_must_have_a_host(world: World) -> None:
    world.groups["compute"] = ()
    with pytest.raises(InputError, match="group 'errands' has no host, and there are jobs to run there"):
        _ = world.desired


def test_what_is_offered_without_an_endpoint_is_ready_with_its_containers(world: World) -> None:
    path = world.services / "errands/service.yml"
    text = ERRANDS.replace("groups:", "needs: [proxy]\ngroups:")
    path.write_text(text.replace("command: [run]", "command: [run]\n    after: [proxy]"))
    (job,) = (job for job in world.desired.jobs if job.name == "errands/run")
    hosts = world.settings.hosts_of("haproxy")
    assert {f"container:{name}@{host}" for name in ("haproxy", "keepalived") for host in hosts} == {
        reference for reference in job.after if reference.startswith("container:")
    }
