"""`make cloud` on one machine, and what an operator does with it afterwards."""

from __future__ import annotations

import json
import random
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import yaml
from system.client import OpenStack, until
from system.harness import ROOT, Kolla, containers, http, make, snapshot, started

from bench.verbs import Verbs
from kolla.api import Cloud

PACKAGES = "/var/lib/kolla/venv/lib/python3.13/site-packages"
THIRD_PARTY = ROOT / "tests" / "system" / "services"
KILLS = 20
KEPT = {"haproxy": 1 << 13}
"""Capabilities of those that have one and are not root, as capabilities(7) numbers them: CAP_NET_RAW."""
RUN_AS_ROOT = {
    "logrotate",
    "neutron_ovn_metadata_agent",
    "nova_compute",
    "nova_libvirt",
    "openvswitch_db",
    "openvswitch_vswitchd",
    "ovn_controller",
}
"""Containers that make interfaces and servers, or empty files of many users."""

MARKING = """
_image = application


def application(environ, start_response):
    def marked(status, headers, *rest):
        return start_response(status, [*headers, ("X-Checkout", "WORD")], *rest)

    return _image(environ, marked)
"""
"""What a developer adds to a WSGI application: a header in every answer."""

pytestmark = pytest.mark.usefixtures("as_it_was")


def openstack(cloud: Kolla) -> OpenStack:
    """The administrator, by the file that `kolla post-deploy` wrote last."""
    return OpenStack.of(cloud.config_directory)


def token(cloud: Kolla) -> str:
    """A token issued over HTTP, as any client would ask for it."""
    return openstack(cloud).log_in()


def test_make_cloud_again_restarts_nothing_and_ends_with_a_login(
    cloud: Kolla, engine: docker.DockerClient, machine_globals: Path | None
) -> None:
    before = started(engine)
    said = make("cloud", *([f"GLOBALS={machine_globals}"] if machine_globals else []))
    assert "The cloud is ready." in said
    assert "server demo1 knows its name; log in: ssh -i " in said
    assert started(engine) == before


def test_a_token_is_issued_over_http(cloud: Kolla) -> None:
    status, catalog, _ = http(
        f"{openstack(cloud).auth['auth_url']}/auth/catalog", {"X-Auth-Token": token(cloud)}
    )
    assert status == 200
    assert "identity" in [service["type"] for service in catalog["catalog"]]


def test_tokens_are_issued_while_the_cache_is_down_and_after(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    cache = engine.containers.get("memcached")
    cache.restart()
    assert all(token(cloud) for _ in range(4))
    cache.stop()
    assert all(token(cloud) for _ in range(4))
    cache.start()
    assert all(token(cloud) for _ in range(4))


def test_the_openstack_client_of_the_toolbox_works(cloud: Kolla) -> None:
    done = subprocess.run(
        cloud.arguments("exec", "kolla-toolbox", "openstack", "token", "issue", "-f", "json"),
        capture_output=True,
        text=True,
    )
    assert "expires" in json.loads(done.stdout), done.stderr


def test_files_with_secrets_are_for_their_owner_alone(cloud: Kolla) -> None:
    private = [cloud.config_directory / name for name in ("passwords.yml", "clouds.yaml", "admin-openrc.sh")]
    private += [path for path in cloud.config_directory.glob("*/*") if path.is_file()]
    assert len(private) > 10
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_secret_shows_in_inspect_labels_environment_or_processes(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    secrets = yaml.safe_load((cloud.config_directory / "passwords.yml").read_text())
    del secrets["cloud_id"]
    shown = [json.dumps(c.attrs) for c in engine.containers.list(all=True)]
    shown += [json.dumps(v.attrs) for v in engine.volumes.list()]
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                shown.append((process / name).read_bytes().decode(errors="replace"))
            except OSError:
                continue  # it ended meanwhile
    text = "\n".join(shown)
    assert [name for name, value in secrets.items() if str(value) in text] == []


def test_no_container_is_privileged_and_every_capability_was_asked_for(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    for container in containers(engine):
        assert not container.attrs["HostConfig"]["Privileged"], container.name
        assert container.attrs["HostConfig"]["CapDrop"] == ["ALL"], container.name


def test_processes_have_dropped_root_and_all_capabilities_but_one(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    own = [container for container in containers(engine) if container.name not in RUN_AS_ROOT]
    assert own
    for container in own:
        titles, rows = (container.top(ps_args="-eo pid,ppid,uid,comm")[k] for k in ("Titles", "Processes"))
        assert titles == ["PID", "PPID", "UID", "COMMAND"]
        # Not what somebody else runs in it at this moment, as the engine its health check: that is root's.
        (first,) = (pid for pid, _, _, command in rows if command == "dumb-init")
        services = list(descendants(first, rows))
        assert services
        for pid, uid, command in services:
            status = Path(f"/proc/{pid}/status")
            if uid == "0" or not status.exists():
                pytest.fail(f"{container.name}: {command} runs as root")
            kept = KEPT.get(container.name, 0)
            assert f"CapEff:\t{kept:016x}" in status.read_text(), (container.name, command)


def descendants(parent: str, rows: list[list[str]]) -> Iterator[tuple[str, str, str]]:
    """Process id, user and command of each that a process has started, and of what those have."""
    for pid, of, uid, command in rows:
        if of == parent:
            yield pid, uid, command
            yield from descendants(pid, rows)


def test_a_second_deploy_does_nothing(cloud: Kolla, engine: docker.DockerClient) -> None:
    before = started(engine)
    assert "Nothing to do" in cloud.run("deploy")
    assert Verbs(cloud.config_directory).tasks(Cloud.deploy) <= 3
    assert started(engine) == before


def test_one_override_restarts_one_container_and_says_why(cloud: Kolla, engine: docker.DockerClient) -> None:
    before = started(engine)
    cloud.override("keystone.conf", "[token]\nexpiration = 7200\n")
    (operation,) = cloud.plan()
    assert operation["id"] == "container:keystone@localhost"
    assert operation["causes"] == [
        "keystone.conf: [token] expiration 3600 -> 7200, set by config/keystone.conf"
    ]
    cloud.run("deploy")
    after = started(engine)
    assert [name for name in after if after[name] != before[name]] == ["keystone"]
    configured = engine.containers.get("keystone").exec_run("grep expiration /etc/keystone/keystone.conf")
    assert configured.output == b"expiration = 7200\n"


def test_log_files_are_rotated_and_services_go_on_writing_to_them(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    def end(lines: int) -> list[str]:
        """Of keystone's log file, whose path stands above its lines."""
        said = cloud.run("logs", "keystone", "--lines", str(lines)).splitlines()
        paths = [number for number, line in enumerate(said) if line.startswith("-- ")]
        return said[paths[-1] + 1 :] if paths else []

    cloud.run("check", "keystone")
    before = end(1)
    rotation = engine.containers.get("logrotate")
    forced = "logrotate --force --state /tmp/state /etc/kolla/logrotate.conf"
    assert rotation.exec_run(forced).exit_code == 0
    cloud.run("check", "keystone")
    after = end(1000)
    assert before and after and before[0] not in after
    kept = rotation.exec_run(["zcat", "/var/log/kolla/keystone/keystone.log.1.gz"]).output.decode()
    assert kept.splitlines()[-1] == before[0]


def test_what_is_changed_behind_our_back_is_found_and_repaired(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    engine.containers.get("memcached").remove(force=True)
    engine.containers.get("rabbitmq").update(restart_policy={"Name": "no"})
    engine.containers.get("kolla_toolbox").stop()
    file = cloud.config_directory / "haproxy" / "haproxy.cfg"
    file.write_text(file.read_text().replace("retries 10", "retries 9"))
    causes = {operation["id"]: operation["causes"] for operation in cloud.plan()}
    assert causes == {
        "container:memcached@localhost": ["it does not exist"],
        "container:rabbitmq@localhost": ["changed on the host: restart_policy: no -> unless-stopped"],
        "container:kolla-toolbox@localhost": ["it is exited"],
        "container:haproxy@localhost": [
            "changed on the host: haproxy.cfg: line 20 retries 9 -> retries 10, "
            "set by template haproxy.cfg.j2"
        ],
    }
    cloud.run("deploy")
    assert cloud.plan() == []


def test_an_operation_deleted_from_a_plan_is_exactly_what_is_not_done(
    cloud: Kolla, engine: docker.DockerClient, tmp_path: Path
) -> None:
    for name in ("memcached", "kolla_toolbox"):
        engine.containers.get(name).remove(force=True)
    file = tmp_path / "plan.json"
    cloud.run("plan", "-o", str(file), expect=2)
    plan = json.loads(file.read_text())
    kept = [o for o in plan["operations"] if o["id"] != "container:memcached@localhost"]
    assert len(kept) == len(plan["operations"]) - 1 == 1
    file.write_text(json.dumps({**plan, "operations": kept}))
    cloud.run("deploy", "--plan", str(file))
    assert [operation["id"] for operation in cloud.plan()] == ["container:memcached@localhost"]


def test_a_plan_is_refused_when_the_hosts_have_changed_since(
    cloud: Kolla, engine: docker.DockerClient, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    engine.containers.get("memcached").remove(force=True)
    cloud.run("plan", "-o", str(file), expect=2)
    engine.containers.get("kolla_toolbox").stop()
    said = cloud.run("deploy", "--plan", str(file), expect=3)
    assert "the hosts have changed since this plan was made" in said


def test_a_container_that_never_becomes_healthy_stops_the_deploy_and_shows_its_log(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    before = started(engine)
    cloud.override("rabbitmq/rabbitmq.conf", "this_is_no_key = 1\n")
    said = cloud.run("deploy", expect=1)
    assert "container:rabbitmq@localhost failed" in said
    assert "it has its previous configuration again" in said
    assert "    | " in said
    after = started(engine)
    assert {n: t for n, t in after.items() if n != "rabbitmq"} == {
        n: t for n, t in before.items() if n != "rabbitmq"
    }


def test_what_a_service_would_not_start_with_is_refused_before_anything_is_touched(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    before = started(engine)
    cloud.override("haproxy/haproxy.cfg", "this is no configuration\n")
    cloud.override("keystone.conf", "[token]\nexpirashun = 60\n")
    said = cloud.run("deploy", expect=3)
    assert "unknown keyword 'this'" in said
    assert "config/keystone.conf:2" in said
    assert "expiration" in said
    assert started(engine) == before


def deployer_that_stands_still(cloud: Kolla, engine: docker.DockerClient) -> subprocess.Popen[bytes]:
    """One that has something to do, and has the host for itself, until it is told to go on (SIGCONT)."""
    engine.containers.get("rabbitmq").remove(force=True)
    first = subprocess.Popen(cloud.arguments("deploy"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lease = Path("/var/lib/kolla/kolla/lease.json")
    until(lease.exists, 60, "it has the host")
    first.send_signal(signal.SIGSTOP)
    return first


def test_the_second_of_two_deployers_names_the_first_and_stops(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    first = deployer_that_stands_still(cloud, engine)
    try:
        engine.containers.get("memcached").remove(force=True)
        said = cloud.run("deploy", "--lock-timeout", "0", expect=4)
    finally:
        first.send_signal(signal.SIGCONT)
    assert f"process {first.pid}" in said
    assert first.wait() == 1  # it found the memcached we removed meanwhile still to be done


def test_the_second_of_two_deployers_waits_and_plans_for_what_the_first_left(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    cloud.run("deploy")
    first = deployer_that_stands_still(cloud, engine)
    second = subprocess.Popen(
        cloud.arguments("deploy"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert second.stdout is not None
    lines = []
    try:
        for line in second.stdout:
            lines.append(line)
            if "waiting for the lock" in line:
                first.send_signal(signal.SIGCONT)
    finally:
        first.send_signal(signal.SIGCONT)
    assert (first.wait(), second.wait()) == (0, 0)
    assert any("waiting for the lock" in line for line in lines)
    assert any("Nothing to do" in line for line in lines)


def test_a_port_held_by_someone_else_is_found_before_anything_is_touched(cloud: Kolla) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        cloud.set(memcached_port=port)
        said = cloud.run("prechecks", expect=1)
    assert f"127.0.0.1:{port}" in said


def test_too_little_disk_space_is_found_before_anything_is_touched(cloud: Kolla, tmp_path: Path) -> None:
    report = Path("/var/lib/kolla/deployment/kolla/build.json")
    before = report.read_text()
    document = json.loads(before)
    keystone = document["images"]["keystone"]
    document["images"]["keystone"] = {**keystone, "id": "sha256:" + "0" * 64, "size": 1 << 60}
    report.write_text(json.dumps(document))
    try:
        said = cloud.run("prechecks", expect=1)
    finally:
        report.write_text(before)
    assert "GiB free" in said


def test_a_deployer_killed_at_any_moment_leaves_nothing_the_next_does_not_mend(
    cloud: Kolla, engine: docker.DockerClient
) -> None:
    wanted = {}
    for expiration in (7200, 7300):
        cloud.override("keystone.conf", f"[token]\nexpiration = {expiration}\n")
        cloud.run("deploy")
        wanted[expiration] = snapshot(engine, cloud.config_directory)

    def damage(expiration: int) -> None:
        cloud.override("keystone.conf", f"[token]\nexpiration = {expiration}\n")
        engine.containers.get("memcached").remove(force=True)
        Path("/var/lib/kolla/kolla/jobs/keystone.bootstrap.json").unlink(missing_ok=True)

    damage(7200)
    begun = time.monotonic()
    cloud.run("deploy")
    duration = time.monotonic() - begun
    seeded = random.Random(2026)
    for kill in range(KILLS):
        expiration = (7300, 7200)[kill % 2]
        damage(expiration)
        deployer = subprocess.Popen(
            cloud.arguments("deploy"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            deployer.wait(timeout=duration * (kill + seeded.random()) / KILLS)
        except subprocess.TimeoutExpired:
            deployer.send_signal(signal.SIGKILL)
            deployer.wait()
        cloud.run("deploy")
        assert snapshot(engine, cloud.config_directory) == wanted[expiration], f"kill {kill}"
        assert cloud.plan() == []


def test_a_third_partys_service_gets_everything_by_data(cloud: Kolla, engine: docker.DockerClient) -> None:
    ours = Kolla(cloud.config_directory, ("--service-path", str(THIRD_PARTY)))
    before = started(engine)
    ours.run("genpwd")
    ours.run("build", "notes")
    ours.run("deploy")
    after = started(engine)
    # The load balancer is reloaded: it is the same process in the same container.
    assert {name for name in after if after[name] != before.get(name)} == {"notes"}
    auth_url = openstack(cloud).auth["auth_url"]
    own = token(cloud)
    _, catalog, _ = http(f"{auth_url}/auth/catalog", {"X-Auth-Token": own})
    (notes,) = [service for service in catalog["catalog"] if service["type"] == "notes"]
    url = {endpoint["interface"]: endpoint["url"] for endpoint in notes["endpoints"]}["public"]
    assert http(f"{url}/notes", {"X-Auth-Token": own})[:2] == (200, {"notes": ["Hello"]})
    assert http(f"{url}/notes", {"X-Auth-Token": "nobody's"})[0] == 401
    # Without its folder nothing wants it any more; its data stays.
    assert "remove:notes@localhost" in [operation["id"] for operation in cloud.plan()]
    cloud.run("deploy")
    assert "notes" not in started(engine)
    assert engine.volumes.get("notes")


def test_the_load_balancer_can_be_switched_off_and_on(cloud: Kolla, engine: docker.DockerClient) -> None:
    cloud.set(enable_haproxy=False)
    cloud.run("deploy")
    assert "haproxy" not in started(engine)
    cloud.run("post-deploy")
    assert openstack(cloud).auth["auth_url"] == "http://127.0.0.1:5000/v3"
    assert token(cloud)
    globals_file = cloud.config_directory / "globals.yml"
    globals_file.write_text(globals_file.read_text().replace("enable_haproxy: false\n", ""))
    cloud.run("deploy")
    cloud.run("post-deploy")
    assert token(cloud)


def test_a_service_runs_from_a_checkout_for_as_long_as_the_settings_say(
    cloud: Kolla, engine: docker.DockerClient, tmp_path: Path
) -> None:
    def marks() -> str | None:
        return http("http://127.0.0.1:5000/v3/")[2].get("X-Checkout")

    # The checkout is the image's own code, without bytecode, which is never compared with the source.
    stream, _ = engine.containers.get("keystone").get_archive(f"{PACKAGES}/keystone")
    unpack = ["tar", "--extract", "--exclude=__pycache__", f"--directory={tmp_path}"]
    subprocess.run(unpack, input=b"".join(stream), check=True)
    tmp_path.chmod(0o755)
    module = tmp_path / "keystone" / "wsgi" / "api.py"
    original = module.read_text()

    module.write_text(original + MARKING.replace("WORD", "one"))
    cloud.set(development_checkouts={"keystone": str(tmp_path)})
    assert [operation["id"] for operation in cloud.plan()] == ["container:keystone@localhost"]
    cloud.run("deploy")
    assert marks() == "one"

    module.write_text(original + MARKING.replace("WORD", "two"))
    cloud.run("restart", "keystone", "--yes-i-really-really-mean-it")
    assert marks() == "two"

    cloud.set(development_checkouts={})
    cloud.run("deploy")
    assert marks() is None
