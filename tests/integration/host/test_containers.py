"""Creating, restarting, swapping and removing containers on a real engine."""

from pathlib import Path

from kolla.state.spec import ContainerSpec


def test_create_and_again(host):
    operation = host.container()
    host.do(operation)
    name = operation["spec"]["name"]
    seen = host.observe()["containers"][name]
    assert seen["state"] == "running"
    assert ContainerSpec(**seen["spec"]) == ContainerSpec(**operation["spec"])
    assert seen["spec"] == operation["spec"]
    before = host.inspect("web")["State"]["StartedAt"]
    host.do(operation, "skipped")
    assert host.inspect("web")["State"]["StartedAt"] == before
    assert Path(operation["folder"]["path"], "run").stat().st_mode & 0o777 == 0o600
