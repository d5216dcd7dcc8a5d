"""Real registries for tests: the one Debian packages, in an image made by the builder."""

import datetime
import io
import ipaddress
import socket
import socketserver
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
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
IMAGE = (
    "  registry:\n"
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


UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TLS_HANDSHAKE = b"\x16"


@contextmanager
def flaky(address: str, failures: int) -> Iterator[str]:
    """Address of what says 503 to the first connections and then is the registry at `address`.

    Those that want TLS are turned away uncounted: engines try it first.
    """
    host, _, port = address.partition(":")
    left = [failures]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            begin = self.request.recv(1, socket.MSG_PEEK)
            if begin == TLS_HANDSHAKE:
                return
            if left[0] > 0:
                left[0] -= 1
                self.request.recv(65536)
                self.request.sendall(UNAVAILABLE)
                return
            with closing(socket.create_connection((host, int(port)))) as registry:
                back = threading.Thread(target=_pipe, args=(registry, self.request), daemon=True)
                back.start()
                _pipe(self.request, registry)
                back.join()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
        assert left == [0], "it was asked as often as it was to fail"
    finally:
        server.shutdown()
        server.server_close()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
