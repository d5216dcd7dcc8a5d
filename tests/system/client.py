"""The cloud's public APIs and its servers, used as anybody would: HTTP, SSH, a browser's console."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

Value = TypeVar("Value")
METADATA = "http://169.254.169.254/openstack/latest/meta_data.json"
"""Where a server asks what the cloud says about it."""
MICROVERSIONS = {"compute": "compute 2.95", "placement": "placement 1.39", "block-storage": "volume 3.70"}
"""What is asked of services that change by microversion, in the words of their header."""


class Refused(Exception):
    """An API's answer with a status of 400 or more."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


def until(condition: Callable[[], Value | None], seconds: float, what: str) -> Value:
    """The first result of `condition` that is true; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(0.2)


@dataclass
class OpenStack:
    """One user of the cloud."""

    auth: Mapping[str, str] = field(repr=False)
    interface: str = "public"
    _token: str = field(default="", repr=False)
    _expires: float = field(default=0.0, repr=False)
    _endpoints: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, config_directory: Path) -> OpenStack:
        """The administrator, as in the clouds.yaml of `kolla post-deploy`."""
        clouds = yaml.safe_load((config_directory / "clouds.yaml").read_text())["clouds"]
        return cls(clouds["kolla-admin"]["auth"])

    def log_in(self) -> str:
        """A new token; what follows uses it."""
        domain = {"name": self.auth["user_domain_name"]}
        user = {"name": self.auth["username"], "password": self.auth["password"], "domain": domain}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": self.auth["project_name"], "domain": domain}},
            }
        }
        answer, headers = _ask("POST", f"{self.auth['auth_url']}/auth/tokens", {}, body)
        for service in answer["token"]["catalog"]:
            for endpoint in service["endpoints"]:
                if endpoint["interface"] == self.interface:
                    self._endpoints[service["type"]] = endpoint["url"]
        self._token, self._expires = headers["X-Subject-Token"], time.monotonic() + 1800
        return self._token

    @property
    def services(self) -> set[str]:
        """Types of the services in the catalogue."""
        if not self._token:
            self.log_in()
        return set(self._endpoints)

    def call(self, method: str, service: str, path: str, body: Any = None) -> Any:
        """The JSON document that a request is answered with; Refused otherwise.

        `body` is sent as JSON, or as it is when it is bytes.
        """
        if time.monotonic() >= self._expires:
            self.log_in()
        headers = {"X-Auth-Token": self._token}
        if service in MICROVERSIONS:
            headers["OpenStack-API-Version"] = MICROVERSIONS[service]
        return _ask(method, self._endpoints[service] + path, headers, body)[0]

    def get(self, service: str, path: str) -> Any:
        return self.call("GET", service, path)

    def one(self, service: str, path: str) -> dict[str, Any]:
        """The only thing of a listing."""
        (listing,) = (value for key, value in self.get(service, path).items() if not key.endswith("_links"))
        assert len(listing) == 1, f"{path}: {[thing.get('name', thing['id']) for thing in listing]}"
        found: dict[str, Any] = listing[0]
        return found

    # -- servers -----------------------------------------------------------------------------

    def server(self, name_or_id: str) -> dict[str, Any]:
        """A server, by its name or its id."""
        listing = self.get("compute", f"/servers/detail?name=^{urllib.parse.quote(name_or_id)}$")["servers"]
        if listing:
            found: dict[str, Any] = listing[0]
            return found
        found = self.get("compute", f"/servers/{name_or_id}")["server"]
        return found

    def create_image(self, name: str) -> str:
        """An image without data; its id."""
        wanted = {"name": name, "container_format": "bare", "disk_format": "raw"}
        created: str = self.call("POST", "image", "/v2/images", wanted)["id"]
        return created

    def create_server(self, name: str, like: Mapping[str, Any], **more: Any) -> str:
        """Ask for a server with the image, network and key of another, and the flavour of its name.

        Returns its id at once.
        """
        network = self.get("network", f"/v2.0/ports?device_id={like['id']}")["ports"][0]["network_id"]
        flavors = self.get("compute", "/flavors")["flavors"]
        (flavor,) = (f["id"] for f in flavors if f["name"] == like["flavor"]["original_name"])
        server = {
            "name": name,
            "imageRef": like["image"]["id"],
            "flavorRef": flavor,
            "key_name": like["key_name"],
            "networks": [{"uuid": network}],
            **more,
        }
        created: str = self.call("POST", "compute", "/servers", {"server": server})["server"]["id"]
        return created

    def wait_for_hosts(self, seconds: float = 60) -> None:
        """Until servers may be placed on every compute host: one whose hypervisor went away for a moment is
        left out until nova has seen it again."""
        left_out = "/resource_providers?required=COMPUTE_STATUS_DISABLED"
        until(
            lambda: not self.get("placement", left_out)["resource_providers"],
            seconds,
            "servers may be placed on every host",
        )

    def wait_for_server(self, server: str, status: str = "ACTIVE", seconds: float = 120) -> dict[str, Any]:
        """The server, once it has the status; AssertionError with its fault when it has failed."""

        def seen() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get("compute", f"/servers/{server}")["server"]
            settled = found["OS-EXT-STS:task_state"] is None
            assert status == "ERROR" or found["status"] != "ERROR", found.get("fault")
            return found if found["status"] == status and settled else None

        return until(seen, seconds, f"server {server} is {status}")

    def act(self, server: str, action: str, **arguments: Any) -> Any:
        """Have something done to a server: `act(id, "reboot", type="SOFT")`."""
        return self.call("POST", "compute", f"/servers/{server}/action", {action: arguments or None})

    def delete_server(self, server: str) -> None:
        """Delete it and wait until it is gone."""
        self.call("DELETE", "compute", f"/servers/{server}")
        until(lambda: not self.exists("compute", f"/servers/{server}"), 60, f"server {server} is gone")

    def exists(self, service: str, path: str) -> bool:
        try:
            self.get(service, path)
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        return True

    def console_log(self, server: str) -> str:
        text: str = self.call("POST", "compute", f"/servers/{server}/action", {"os-getConsoleOutput": {}})[
            "output"
        ]
        return text


def _ask(method: str, url: str, headers: Mapping[str, str], body: Any) -> tuple[Any, Mapping[str, str]]:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    given = {"Accept": "application/json", "Content-Type": kind, **headers}
    request = urllib.request.Request(url, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null"), answer.headers
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from None


# -- inside ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Login:
    """SSH to a server; `prefix` is a command that the client runs under, to come from another host."""

    address: str
    key: Path
    user: str = "root"
    prefix: tuple[str, ...] = ()
    port: int = 22

    def run(self, command: str, seconds: float = 60) -> str:
        """What a command prints there; AssertionError when it fails."""
        done = self._try(command, seconds)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def wait(self, seconds: float = 120) -> None:
        """Wait until logging in works: an emulated server starts within 8 s, on a busy machine much later."""
        until(lambda: self._try("true", 10).returncode == 0, seconds, f"SSH to {self.address}")

    def _try(self, command: str, seconds: float) -> subprocess.CompletedProcess[str]:
        options = [
            "BatchMode=yes",
            "ConnectTimeout=5",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
        ]
        words = [
            *(*self.prefix, "ssh", "-F", "/dev/null", "-q", "-i", str(self.key), "-p", str(self.port)),
            *(word for option in options for word in ("-o", option)),
            f"{self.user}@{self.address}",
            command,
        ]
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 255, "", f"nothing in {seconds:g} s")


@dataclass(frozen=True)
class Demo:
    """The server of `kolla init-runonce`, and the cloud it is in."""

    openstack: OpenStack
    id: str
    name: str
    login: Login

    @classmethod
    def of(cls, config_directory: Path) -> Demo:
        """The one of the cloud with this configuration directory."""
        openstack = OpenStack.of(config_directory)
        server = openstack.server("demo1")
        addresses = [address for of in server["addresses"].values() for address in of]
        (floating,) = (a["addr"] for a in addresses if a["OS-EXT-IPS:type"] == "floating")
        return cls(openstack, server["id"], server["name"], Login(floating, config_directory / "demo_key"))

    @property
    def server(self) -> dict[str, Any]:
        return self.openstack.server(self.id)

    @property
    def told(self) -> dict[str, Any]:
        """What the metadata service tells it, asked inside of it."""
        answer: dict[str, Any] = json.loads(self.login.run(f"curl --silent --max-time 20 {METADATA}"))
        return answer

    def try_another(self, name: str) -> None:
        """A server like it is made, runs and goes."""
        self.openstack.wait_for_hosts()
        made = self.openstack.create_server(name, self.server)
        self.openstack.wait_for_server(made)
        self.openstack.delete_server(made)


# -- a browser's console -----------------------------------------------------------------------


def console_handshake(url: str) -> tuple[str, str]:
    """Connect to a console URL as noVNC in a browser does; the protocol's version and the screen's name.

    RFC 6143, section 7 (RFB).
    """
    with console(url) as stream:
        version = stream.read(12)
        stream.write(version)
        kinds = stream.read(stream.read(1)[0])
        assert b"\x01" in kinds, f"security types {list(kinds)}"
        stream.write(b"\x01")
        assert stream.read(4) == bytes(4), "the console refuses"
        stream.write(b"\x01")
        width, height = struct.unpack("!HH", stream.read(4))
        assert width and height
        stream.read(16)
        (length,) = struct.unpack("!I", stream.read(4))
        return version.decode().strip(), stream.read(length).decode()


@contextmanager
def console(url: str) -> Iterator[WebSocket]:
    """The WebSocket of a console, which its page opens; where there is no page, the URL is that of it."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.parse_qs(parts.query).get("path", [f"?{parts.query}"])[0]
    host, port = parts.hostname or "", parts.port or 80
    origin = f"{parts.scheme.replace('ws', 'http')}://{host}:{port}"
    with socket.create_connection((host, port), timeout=30) as connection:
        yield WebSocket(connection, f"{host}:{port}", f"/{path.lstrip('/')}", origin)


class WebSocket:
    """The binary messages of a WebSocket (RFC 6455) as a stream."""

    def __init__(self, connection: socket.socket, host: str, path: str, origin: str) -> None:
        self._file = connection.makefile("rwb")
        key = base64.b64encode(os.urandom(16)).decode()
        lines: Sequence[str] = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Origin: {origin}",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: binary",
        ]
        self._file.write("\r\n".join([*lines, "", ""]).encode())
        self._file.flush()
        status = self._file.readline()
        assert b" 101 " in status, status
        while self._file.readline().strip():
            pass
        self._received = b""

    def read(self, length: int) -> bytes:
        while len(self._received) < length:
            header = self._file.read(2)
            if len(header) < 2:
                raise ConnectionError("the console has hung up")
            first, second = header
            assert first & 0x0F in (1, 2), f"a frame of kind {first & 0x0F}: {self._received!r}"
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(self._file.read(2 if size == 126 else 8), "big")
            self._received += self._file.read(size)
        taken, self._received = self._received[:length], self._received[length:]
        return taken

    def write(self, data: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
        self._file.write(bytes([0x82, 0x80 | len(data)]) + mask + masked)
        self._file.flush()
