import dataclasses
from pathlib import Path

from kolla.images.options import Options, Transport
from kolla.images.transport import secrets, sources


def test_sources_name_the_configured_mirrors(options: Options) -> None:
    mirrors = {"debian_mirror": "http://one.example/d", "debian_security_mirror": "http://two.example/s"}
    transport = Transport(mirrors)
    suite = options.distribution.codename
    lines = [line.partition("] ")[2] for line in sources(transport, options.distribution)]
    assert lines == [
        f"http://one.example/d {suite} main",
        f"http://one.example/d {suite}-updates main",
        f"http://two.example/s {suite}-security main",
    ]


def test_certificates_travel_only_when_there_are_any(options: Options, tmp_path: Path) -> None:
    plain = secrets(Transport(), options.distribution)
    assert "ca.pem" not in plain
    assert b"CaInfo" not in plain["apt.conf"]
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"certificates")
    trusting = secrets(dataclasses.replace(Transport(), extra_ca_certificates=bundle), options.distribution)
    assert trusting["ca.pem"] == b"certificates"
    assert b"CaInfo" in trusting["apt.conf"]


def test_each_run_is_told_apart(options: Options) -> None:
    first, second = (secrets(Transport(), options.distribution)["run"] for _ in range(2))
    assert first != second
