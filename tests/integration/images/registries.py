"""Real registries for tests: the one Debian packages, in an image made by the builder."""

import contextlib
import datetime
import http.client
import io
import ipaddress
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import docker
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from docker.models.containers import Container

USER, WORD = "pusher", "a word for pushing"
DIRECTORY = "/etc/registry"
CONFIGURATION = """\
version: 0.1
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: ":5000"}
"""
NAME = "depot"
"""The image's: a service of ours has one called registry."""
IMAGE = (
    f"  {NAME}:\n"
    "    packages: {debian: [apache2-utils, docker-registry]}\n"
    "    files: {registry.yml: /etc/registry/registry.yml}\n"
)
"""The image, as YAML below `images:`; its file `registry.yml` is CONFIGURATION."""


@contextmanager
def running(
    engine: docker.DockerClient,
    image: str,
    *,
    address: str = "127.0.0.1",
    authority: "Authority | None" = None,
    authenticated: bool = False,
) -> Iterator[str]:
    """Address of a registry that answers, with TLS if an authority is to sign for it."""
    environment, files = {}, {}
    if authority is not None:
        files = authority.sign(address)
        environment = {
            "REGISTRY_HTTP_TLS_CERTIFICATE": f"{DIRECTORY}/cert.pem",
            "REGISTRY_HTTP_TLS_KEY": f"{DIRECTORY}/key.pem",
        }
    if authenticated:
        environment |= {
            "REGISTRY_AUTH_HTPASSWD_REALM": "test",
            "REGISTRY_AUTH_HTPASSWD_PATH": f"{DIRECTORY}/htpasswd",
        }
        files["htpasswd"] = engine.containers.run(
            image, ["-Bbn", USER, WORD], entrypoint="htpasswd", remove=True
        )
    container = engine.containers.create(
        image,
        ["serve", f"{DIRECTORY}/registry.yml"],
        entrypoint="docker-registry",
        environment=environment,
        ports={"5000/tcp": (address, None)},
    )
    try:
        container.put_archive(DIRECTORY, archive(files))
        container.start()
        yield f"{address}:{_port(container, address)}"
    finally:
        container.remove(force=True, v=True)


def archive(files: dict[str, bytes]) -> bytes:
    """A tar of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _port(container: Container, address: str) -> int:
    """The port of the machine that leads to a registry, once it answers."""
    for _ in range(200):
        container.reload()
        if container.status == "exited":
            raise AssertionError(container.logs().decode())
        ports = container.ports.get("5000/tcp")
        if ports and b"listening on" in container.logs():
            port = int(ports[0]["HostPort"])
            with closing(socket.create_connection((address, port), timeout=5)):
                return port
        time.sleep(0.05)
    raise AssertionError(f"the registry does not answer: {container.logs().decode()}")


def gateway(engine: docker.DockerClient) -> str:
    """An address of this machine that engines do not take for their own: TLS is checked there."""
    subnet = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    return str(next(ip_network(subnet).hosts()))


@dataclass
class Authority:
    """A certificate authority nobody knows."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> bytes:
        """Its own certificate, PEM."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority of a test")])
        usage = x509.BasicConstraints(ca=True, path_length=None)
        return _pem(_builder(name, name, self.key).add_extension(usage, critical=True), self.key)

    def sign(self, address: str) -> dict[str, bytes]:
        """`cert.pem` and `key.pem` for a server at an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.load_pem_x509_certificate(self.certificate).subject
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = _builder(name, issuer, key).add_extension(names, critical=False)
        return {"cert.pem": _pem(certificate, self.key), "key.pem": private}


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _pem(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class _Flaky(BaseHTTPRequestHandler):
    """Passes everything on to a registry, but says 503 to the first manifests.

    Engines send a layer again themselves; whether a manifest is sent again is up to who pushes.
    """

    protocol_version = "HTTP/1.1"
    registry: str
    left: list[int]
    """How often it still fails."""

    def _answer(self) -> None:
        body = self._body()
        if self.command == "PUT" and "/manifests/" in self.path and self.left[0] > 0:
            self.left[0] -= 1
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        with closing(http.client.HTTPConnection(self.registry)) as connection:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "transfer-encoding"}
            headers["Content-Length"] = str(len(body))
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for key, value in answer.getheaders():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = _answer

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def flaky(address: str, failures: int) -> Iterator[str]:
    """Address of what takes manifests for the registry at `address` only after some failures."""
    left = [failures]
    handler = type("Handler", (_Flaky,), {"registry": address, "left": left})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Stuck(_Flaky):
    """Passes everything on, but what comes of layers only when the registry is to be well again."""

    stuck: "Stuck"

    def _answer(self) -> None:
        self.stuck.asked.append(f"{self.command} {self.path}")
        if self.command == "PATCH":
            self.stuck.well.wait()
        with contextlib.suppress(OSError, ValueError):  # whoever asked does not wait for what comes of it
            super()._answer()

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = _answer


@dataclass
class Stuck:
    """A way to a registry, which is stuck until it is `well`."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    """Methods and paths of all requests."""
    well: threading.Event = field(default_factory=threading.Event)


@contextmanager
def stuck(registry: str) -> Iterator[Stuck]:
    """A way to the registry at an address where pushes get stuck."""
    found = Stuck()
    handler = type("Handler", (_Stuck,), {"registry": registry, "left": [0], "stuck": found})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        found.well.set()
        server.shutdown()
        server.server_close()
