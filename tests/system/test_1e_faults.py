"""What goes wrong under a cloud in use, and what an operator gets wrong: recovered from, or said clearly."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from system.client import Demo, OpenStack, Refused, until
from system.harness import Kolla, started

from kolla.quickstart import external

RECOVERY = 30
"""Seconds after which no request may fail any more when the database or the message bus is back."""


class Load:
    """Users at work: tokens, listings and a change, one request after the other."""

    def __init__(self, config_directory: Path) -> None:
        self._directory = config_directory
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.outcomes: list[tuple[float, str, str]] = []
        """When a request ended, which it was, and what was wrong with it, if anything."""

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def last_failure(self) -> float:
        """When a request failed last."""
        return max((at for at, _, error in self.outcomes if error), default=0.0)

    def settled(self, since: float, calm: float = 5) -> bool:
        """Whether requests have worked for a while, at some time after `since`."""
        worked = [at for at, _, error in self.outcomes if at > max(since, self.last_failure) and not error]
        return bool(worked) and worked[-1] - max(since, self.last_failure) > calm

    def _work(self) -> None:
        while not self._end.is_set():
            for name in ("token", "images", "servers", "networks", "rename"):
                try:
                    self._request(name)
                    error = ""
                except (Refused, OSError) as failure:
                    error = str(failure).replace("\n", " ")[:120] or type(failure).__name__
                self.outcomes.append((time.monotonic(), name, error))

    def _request(self, name: str) -> None:
        openstack = OpenStack.of(self._directory)
        openstack.log_in()
        if name == "images":
            openstack.get("image", "/v2/images")
        elif name == "servers":
            openstack.get("compute", "/servers/detail")
        elif name == "networks":
            openstack.get("network", "/v2.0/networks")
        elif name == "rename":
            group = openstack.one("network", "/v2.0/security-groups?name=default&limit=1")["id"]
            change = {"security_group": {"description": f"at {time.time()}"}}
            openstack.call("PUT", "network", f"/v2.0/security-groups/{group}", change)


SAME_ROW = """
import json, pymysql, sys
given = json.load(sys.stdin)
first, second = (pymysql.connect(**given, autocommit=False).cursor() for _ in range(2))
first.execute("CREATE DATABASE IF NOT EXISTS same_row")
first.execute("CREATE OR REPLACE TABLE same_row.one (id INT PRIMARY KEY, value INT)")
first.execute("INSERT INTO same_row.one VALUES (1, 0)")
first.connection.commit()
try:
    first.execute("SELECT value FROM same_row.one WHERE id = 1")
    second.execute("UPDATE same_row.one SET value = 1 WHERE id = 1")
    second.connection.commit()
    first.execute("UPDATE same_row.one SET value = 2 WHERE id = 1")
    first.connection.commit()
finally:
    first.connection.rollback()
    second.execute("DROP DATABASE same_row")
"""
"""Two transactions that change a row one after the other, the first having read it before: two logins."""


def test_who_changes_a_row_after_somebody_else_is_not_refused(cloud: Kolla) -> None:
    settings = yaml.safe_load((cloud.config_directory / "globals.yml").read_text())
    passwords = yaml.safe_load((cloud.config_directory / "passwords.yml").read_text())
    address = settings["kolla_internal_vip_address"]
    database = {"host": address, "user": "root", "password": passwords["database_password"]}
    command = ["docker", "exec", "-i", "kolla_toolbox", "python3", "-c", SAME_ROW]
    done = subprocess.run(command, input=json.dumps(database), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("container", ["mariadb", "rabbitmq"])
def test_services_recover_by_themselves_when_what_they_all_need_is_restarted_under_load(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient, container: str
) -> None:
    openstack, before = demo.openstack, started(engine)
    with Load(cloud.config_directory) as load:
        until(lambda: load.settled(0, calm=2), 30, "requests that work")
        server = openstack.create_server(f"through-{container}", demo.server)
        engine.containers.get(container).restart()
        back = time.monotonic()
        until(lambda: load.settled(back), 120, "requests that work again")
    failed = Counter(f"{name}: {error}" for _, name, error in load.outcomes if error)
    took = max(0.0, load.last_failure - back)
    print(
        f"{container} restarted: {len(load.outcomes)} requests, {failed.total()} failed, "
        f"the last {took:.1f} s after it"
    )
    assert took < RECOVERY, failed
    # What was being made then is made, or has failed for all to see; what is asked for now is made.
    found = until(lambda: _settled(openstack, server), 180, "the server of that moment has a status")
    print(f"  the server of that moment: {found}")
    openstack.delete_server(server)
    later = openstack.create_server(f"after-{container}", demo.server)
    openstack.wait_for_server(later, seconds=90)
    openstack.delete_server(later)
    after = started(engine)
    assert [name for name in after if after[name] != before[name]] == [container]


def _settled(openstack: OpenStack, server: str) -> str:
    status: str = openstack.get("compute", f"/servers/{server}")["server"]["status"]
    return status if status in ("ACTIVE", "ERROR") else ""


# -- a full disk -------------------------------------------------------------------------------------


@contextmanager
def small_store(engine: docker.DockerClient, size: str) -> Iterator[Path]:
    """The image store on a file system of a given size, for the time of the context."""
    container, path = (
        engine.containers.get("glance_api"),
        Path(engine.volumes.get("glance").attrs["Mountpoint"]),
    )
    container.stop()
    owner = path.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", path], check=True)
    try:
        shutil.chown(path, owner.st_uid, owner.st_gid)
        container.start()
        until(lambda: _is_healthy(engine, "glance_api"), 90, "glance answers")
        yield path
    finally:
        container.stop()
        subprocess.run(["umount", path], check=True)
        container.start()
        until(lambda: _is_healthy(engine, "glance_api"), 90, "glance answers")


def _is_healthy(engine: docker.DockerClient, name: str) -> bool:
    container = engine.containers.get(name)
    return bool(container.exec_run(container.attrs["Config"]["Healthcheck"]["Test"][1:]).exit_code == 0)


def test_a_full_image_store_says_so_and_keeps_no_half_image(
    cloud: Kolla, demo: Demo, engine: docker.DockerClient
) -> None:
    openstack = demo.openstack
    with small_store(engine, "8m") as store:
        wanted = {"name": "too-large", "disk_format": "raw", "container_format": "bare"}
        image = openstack.call("POST", "image", "/v2/images", wanted)["id"]
        try:
            with pytest.raises(Refused) as refused:
                openstack.call("PUT", "image", f"/v2/images/{image}/file", bytes(32 << 20))
            assert refused.value.status == 413
            assert "storage" in refused.value.message.lower()
            assert openstack.get("image", f"/v2/images/{image}")["status"] == "queued"
            assert list((store / "images").iterdir()) == []
        finally:
            openstack.call("DELETE", "image", f"/v2/images/{image}")


# -- bad input ---------------------------------------------------------------------------------------


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """A URL that is answered with `content`, on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/image.qcow2"
        finally:
            server.shutdown()


@pytest.fixture
def settings_as_they_were(cloud: Kolla) -> Iterator[None]:
    path = cloud.config_directory / "globals.yml"
    before = path.read_text()
    yield
    path.write_text(before)


@pytest.mark.usefixtures("settings_as_they_were")
@pytest.mark.parametrize(
    "content",
    [b"<html>no image</html>" * 1000, b"QFI\xfb\x00\x00\x00\x03" + bytes(100)],
    ids=["a web page", "cut off"],
)
def test_a_guest_image_that_is_none_is_refused(cloud: Kolla, demo: Demo, content: bytes) -> None:
    with served(content) as url:
        cloud.set(demo_image_name="no-image", demo_image_url=url)
        said = cloud.run("init-runonce", expect=1)
    assert "expected: one of" in said
    assert "Traceback" not in said
    assert demo.openstack.get("image", "/v2/images?name=no-image")["images"] == []


@pytest.mark.usefixtures("settings_as_they_were")
def test_an_image_that_cannot_be_downloaded_is_named(cloud: Kolla, demo: Demo) -> None:
    cloud.set(demo_image_name="no-image", demo_image_url="http://127.0.0.1:9/image.qcow2")
    said = cloud.run("init-runonce", expect=1)
    assert "http://127.0.0.1:9/image.qcow2" in said
    assert "Traceback" not in said


# -- an image of the user's choice -------------------------------------------------------------------


@pytest.fixture(scope="module")
def guest(demo: Demo) -> bytes:
    """The disk image of the demo server, as the image store holds it."""
    volume = docker.from_env().volumes.get("glance").attrs["Mountpoint"]
    return (Path(volume) / "images" / demo.server["image"]["id"]).read_bytes()


@pytest.fixture
def theirs(demo: Demo) -> Iterator[str]:
    """A name for an image and a server; what has it at the end is removed."""
    name, openstack = "theirs", demo.openstack
    yield name
    for server in openstack.get("compute", f"/servers?name=^{name}$")["servers"]:
        for port in openstack.get("network", f"/v2.0/ports?device_id={server['id']}")["ports"]:
            for address in openstack.get("network", f"/v2.0/floatingips?port_id={port['id']}")["floatingips"]:
                openstack.call("DELETE", "network", f"/v2.0/floatingips/{address['id']}")
        openstack.delete_server(server["id"])
    for image in images(openstack, name):
        openstack.call("DELETE", "image", f"/v2/images/{image['id']}")


def images(openstack: OpenStack, name: str) -> list[dict[str, Any]]:
    """Images of a name, the hidden ones as well."""
    listings = [
        openstack.get("image", f"/v2/images?name={name}&os_hidden={hidden}") for hidden in ("false", "true")
    ]
    return [image for listing in listings for image in listing["images"]]


@pytest.mark.usefixtures("settings_as_they_were")
def test_an_image_of_ones_own_comes_by_url_or_as_a_file_and_replaces_the_one_before(
    cloud: Kolla, demo: Demo, guest: bytes, theirs: str, tmp_path: Path
) -> None:
    """By URL up to a login; then the same image from a file, which is another source."""
    with served(guest) as url:
        cloud.set(demo_image_name=theirs, demo_image_url=url, demo_server_name=theirs)
        said = cloud.run("init-runonce")
    assert f"server {theirs} knows its name" in said
    (first,) = images(demo.openstack, theirs)
    assert (first["kolla_source"], first["disk_format"], first["os_hidden"]) == (url, "qcow2", False)
    assert demo.openstack.server(theirs)["image"]["id"] == first["id"]

    file = tmp_path / "guest.qcow2"
    file.write_bytes(guest)
    cloud.set(demo_image_url="", demo_image_file=str(file), demo_server=False)
    for _ in range(2):  # a second time it is there
        cloud.run("init-runonce")
        found = {image["os_hidden"]: image for image in images(demo.openstack, theirs)}
        assert found[True]["id"] == first["id"]
        assert found[False]["kolla_source"] == f"sha256:{hashlib.sha256(guest).hexdigest()}"
        assert len(images(demo.openstack, theirs)) == 2
    assert demo.openstack.server(theirs)["status"] == "ACTIVE"


@pytest.mark.usefixtures("settings_as_they_were")
def test_an_image_larger_than_the_servers_disk_is_refused_before_it_is_sent(
    cloud: Kolla, demo: Demo, guest: bytes, theirs: str
) -> None:
    size = slice(24, 32)  # of the disk, in the header of a qcow2 file
    larger = guest[: size.start] + (3 << 30).to_bytes(8, "big") + guest[size.stop :]
    with served(larger) as url:
        cloud.set(demo_image_name=theirs, demo_image_url=url)
        said = cloud.run("init-runonce", expect=1)
    assert "the image needs a disk of 3 GiB, and demo_server_flavor m1.tiny has 1 GiB" in said
    assert "expected: one of m1.small, " in said
    assert images(demo.openstack, theirs) == []


def own_interface() -> tuple[str, str]:
    """The interface of this machine's default route, and its network."""
    words = subprocess.check_output(["ip", "-4", "route", "show", "default"], text=True).split()
    name = words[words.index("dev") + 1]
    addresses = subprocess.check_output(["ip", "-4", "-o", "address", "show", "dev", name], text=True).split()
    return name, addresses[addresses.index("inet") + 1]


@pytest.mark.usefixtures("settings_as_they_were")
def test_an_external_network_that_overlaps_is_found_before_anything_is_touched(
    cloud: Kolla, demo: Demo
) -> None:
    name, network = own_interface()
    cloud.set(neutron_bridge_address=network, **external({"neutron_bridge_address": network}, []))
    said = cloud.run("prechecks", expect=1)
    assert "overlaps" in said
    assert name in said
    assert "set neutron_bridge_address" in said


@pytest.mark.usefixtures("settings_as_they_were")
def test_a_bridge_address_outside_of_the_external_network_is_refused_at_once(
    cloud: Kolla, demo: Demo
) -> None:
    cloud.set(neutron_bridge_address="198.51.100.1/24")
    said = cloud.run("plan", expect=3)
    assert "neutron_bridge_address 198.51.100.1/24 is outside demo_external_cidr" in said


@pytest.mark.usefixtures("settings_as_they_were")
@pytest.mark.parametrize(
    ("interface", "expected"),
    [("eth9", "it is not there"), (own_interface()[0], "default route goes through it")],
)
def test_an_external_interface_that_is_not_there_or_in_use_is_found(
    cloud: Kolla, demo: Demo, interface: str, expected: str
) -> None:
    cloud.set(neutron_external_interface=interface)
    said = cloud.run("prechecks", expect=1)
    assert interface in said
    assert expected in said


@pytest.mark.usefixtures("settings_as_they_were")
def test_external_addresses_that_hold_the_gateway_are_refused(cloud: Kolla, demo: Demo) -> None:
    before = demo.openstack.one("network", "/v2.0/subnets?cidr=10.0.2.0/24")
    cloud.set(demo_external_range="10.0.2.1-10.0.2.50")
    said = cloud.run("init-runonce", expect=3)
    assert "holds demo_external_gateway 10.0.2.1" in said
    assert "Traceback" not in said
    assert demo.openstack.one("network", "/v2.0/subnets?cidr=10.0.2.0/24") == before


def test_prechecks_look_at_all_there_is_to_look_at(cloud: Kolla, demo: Demo) -> None:
    findings = cloud.json("prechecks")
    assert all(finding["ok"] for finding in findings)
    kinds = {finding["check"] for finding in findings}
    assert kinds >= {"address", "device", "engine", "hostname", "memory", "network", "port", "space"}
    assert {"virtualization"} <= kinds
    settings = yaml.safe_load((cloud.config_directory / "globals.yml").read_text())
    assert settings["nova_compute_virt_type"] in ("kvm", "qemu")


@pytest.mark.usefixtures("settings_as_they_were")
def test_every_finding_is_in_one_table(cloud: Kolla, demo: Demo) -> None:
    """Four mistakes at once, four findings."""
    _, network = own_interface()
    with socket.create_server(("0.0.0.0", 0)) as taken:
        cloud.set(
            neutron_external_interface="eth9",
            neutron_bridge_address=network,
            nova_api_workers=100_000,
            nova_novncproxy_port=taken.getsockname()[1],
        )
        wrong = {f["check"] for f in cloud.json("prechecks", expect=1) if not f["ok"]}
    assert wrong == {"interface", "network", "memory", "port"}
