"""The verbs besides apply: observe, logs, precheck, bootstrap, destroy."""

import socket
from pathlib import Path

from kolla.host.listeners import listening
from kolla.state.facts import HostFacts
from kolla.state.spec import Mount


def test_facts_are_the_controllers_type(host):
    loaded = sorted(path.name for path in Path("/sys/module").iterdir())[0]
    facts = HostFacts(**host.question(modules=[loaded, "kolla_has_no_module"])["facts"])
    assert facts.kernel_modules == (loaded,)
    assert facts.hostname == socket.gethostname()
    assert facts.interfaces["lo"].addresses[0] == "127.0.0.1"
    assert facts.memory > 1 << 28


def test_images_asked_for(host):
    assert host.observe(images=[host.image, "sha256:" + "0" * 64])["images"] == [host.image]


def test_a_network_of_its_own_is_seen(host):
    # With Docker alone: podman would make a bridge and rules of a firewall here, and no service asks for it.
    operation = host.container(network="bridge")
    host.do(operation)
    assert host.observe()["containers"][host.name("web")]["spec"] == operation["spec"]


def test_files_whose_digest_is_known_are_not_sent(host):
    operation = host.container(files={"a": "1"})
    host.do(operation)
    known = {entry["name"]: entry["sha256"] for entry in operation["folder"]["files"]}
    path = operation["folder"]["path"]
    seen = host.observe(folders={path: {**known, "a": "0" * 64}, "/nowhere": {}})["folders"]
    assert seen == {
        path: {
            "run": {"sha256": known["run"], "mode": "0600"},
            "a": {"sha256": known["a"], "mode": "0600", "content": "1"},
        }
    }


def test_logs(host):
    host.do(host.container(run="echo 1; echo 2; echo 3\nsleep 60\n"))
    host.wait_for(lambda: host.ask("logs", container=host.name("web"), lines=2)["lines"] == ["2", "3"])
    assert host.ask("logs", container="other", lines=2)["error"] == "request"


def test_logs_of_a_container_that_has_a_file_of_its_own(host, tmp_path):
    logs = Mount(type="bind", source=str(tmp_path), target="/var/log/kolla")
    operation = host.container(run="echo said\nsleep 60\n", mounts=[logs])
    file = tmp_path / operation["service"] / f"{Path(operation['folder']['path']).name}.log"
    file.parent.mkdir()
    file.write_text("one\ntwo\nthree\n")
    host.do(operation)
    expected = ["said", f"-- {file}", "two", "three"]
    host.wait_for(lambda: host.ask("logs", container=host.name("web"), lines=2)["lines"] == expected)
    file.unlink()
    assert host.ask("logs", container=host.name("web"), lines=2)["lines"] == ["said"]


def precheck(host, **request):
    asked = {"ports": [], "directories": {}, "memory": 0, **request}
    return {f["check"]: f for f in host.ask("precheck", **asked)["findings"]}


def test_precheck_names_who_has_a_port(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked = {"address": "127.0.0.1", "port": port, "service": "web"}
        finding = precheck(host, ports=[asked])["port"]
        assert not finding["ok"]
        assert f"port {port}, which web needs, is in use on 127.0.0.1:{port} by process" in finding["message"]
        assert precheck(host, ports=[{**asked, "address": "127.0.0.2"}])["port"]["ok"]
    assert precheck(host, ports=[asked])["port"]["ok"]


def test_precheck_lets_a_container_of_the_cloud_have_its_port(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    host.do(host.container(run=f"while :; do nc -l -p {port}; done\n", health=None))
    asked = {"address": "127.0.0.1", "port": port, "service": "web"}
    host.wait_for(lambda: port in [listener.port for listener in listening()])
    assert precheck(host, ports=[asked])["port"]["ok"]
    other = {**host.cloud, "id": "another"}
    assert not precheck(host, ports=[asked], cloud=other)["port"]["ok"]


def test_precheck_of_addresses_space_and_memory(host):
    findings = precheck(
        host, addresses=["127.0.0.1"], directories={"/var/lib/kolla/not/there/yet": 1}, memory=1 << 20
    )
    assert {name: f["ok"] for name, f in findings.items()} == dict.fromkeys(
        ("clock", "engine", "address", "space", "memory"), True
    )
    findings = precheck(host, addresses=["192.0.2.9"], directories={"/": 1 << 60}, memory=1 << 60)
    assert {name for name, f in findings.items() if not f["ok"]} == {"address", "space", "memory"}
    finding = precheck(host, engine_space=1 << 60)["space"]
    assert (finding["subject"], finding["ok"]) == (host.engine.info()["DockerRootDir"], False)


def test_precheck_without_an_engine_still_tells_everything(host):
    answer = host.ask("precheck", ports=[], directories={}, memory=0, engine="other")
    assert answer == {"error": "request", "message": "unknown engine 'other'; known: docker, podman"}


def test_bootstrap_where_all_is_there(host):
    directory = host.directory / "etc" / "kolla"
    answer = host.ask("bootstrap", node_config=str(directory))
    assert answer["changes"] == [f"made {directory.parent}", f"made {directory}"]
    assert answer["engine"]["name"] == "docker"
    assert host.ask("bootstrap", node_config=str(directory))["changes"] == []
    host.ask("destroy", volumes=False, images=False, purge=False)
    assert not directory.parent.exists()


def test_destroy_takes_what_is_ours_and_says_what_it_keeps(host):
    operation = host.container()
    host.apply(host.volume("data"), operation, host.job("done", "true\n"))
    other = host.directory / "etc" / "theirs"
    other.touch()
    answer = host.ask("destroy", volumes=False, images=False, purge=False)
    assert f"removed container {host.name('web')}" in answer["changes"]
    assert answer["kept"] == [f"volume {host.name('data')}"]
    assert host.containers() == []
    assert [path.name for path in (host.directory / "etc").iterdir()] == ["theirs"]
    assert not host.state.exists()
    answer = host.ask("destroy", volumes=True, images=True, purge=True)
    assert answer["changes"] == [f"removed volume {host.name('data')}"]
    assert host.image in {image["Id"] for image in host.engine.api.images()}, "not ours: nobody pulled it"
    assert host.ask("destroy", volumes=True, images=True, purge=False) == {"changes": [], "kept": []}


def test_a_volume_somebody_else_uses_is_kept_and_everything_else_goes(host):
    operation = host.container()
    host.apply(host.volume("data"), operation)
    stranger = host.engine.api.create_container(
        host.image,
        host_config=host.engine.api.create_host_config(binds={host.name("data"): {"bind": "/data"}}),
    )
    try:
        answer = host.ask("destroy", volumes=True, images=False, purge=False)
        assert f"removed {operation['folder']['path']}" in answer["changes"]
        (kept,) = answer["kept"]
        assert kept.startswith(f"volume {host.name('data')}: cannot remove volume")
    finally:
        host.engine.api.remove_container(stranger["Id"])


def test_endpoint(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        operation = {
            "id": "endpoint:web@here",
            "kind": "endpoint",
            "service": "test",
            "address": "127.0.0.1",
            "port": port,
            "http": None,
            "send": None,
            "greets": False,
            "after": [],
            "timeout": 1,
        }
        host.do(operation)
    event = host.do(operation, "failed")
    assert event["message"].startswith(f"127.0.0.1:{port} did not answer within 1 s: ")


def test_what_destroy_would_remove(host):
    host.apply(host.volume("data"), host.container(), host.job("done", "true\n"))
    found = host.ask("holdings")
    assert found == {
        "containers": [host.name("web")],
        "volumes": {host.name("data"): 0},
        "images": [],
        "packages": [],
    }
    host.ask("destroy", volumes=True, images=True, purge=False)
    assert host.ask("holdings") == {"containers": [], "volumes": {}, "images": [], "packages": []}
