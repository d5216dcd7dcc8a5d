"""Images changed from the settings, with a real engine: packages of another repository, blocks, templates."""

import functools
import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import docker
import pytest

from kolla.build_report import BuildReport

from .conftest import Image, Workshop

Open = Callable[[BuildReport, str], Image]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed repository with one package, `site-tool`."""
    root = tmp_path_factory.mktemp("archive")
    control = root / "tool" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text(
        "Package: site-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n"
    )
    (root / "tool" / "usr" / "bin").mkdir(parents=True)
    program = root / "tool" / "usr" / "bin" / "site-tool"
    program.write_text("#!/bin/sh\necho from the site\n")
    program.chmod(0o755)
    pool = root / "www"
    pool.mkdir()
    home = root / "gnupg"
    home.mkdir(mode=0o700)

    def run(*command: str) -> str:
        return subprocess.run(command, cwd=pool, check=True, capture_output=True, text=True).stdout

    run("dpkg-deb", "--root-owner-group", "--build", str(root / "tool"), "site-tool_1.0_all.deb")
    packages = _index(pool / "site-tool_1.0_all.deb", control.read_text())
    (pool / "Packages").write_text(packages)
    listed = f" {_sha256(pool / 'Packages')} {len(packages)} Packages\n"
    (pool / "Release").write_text(f"Date: {run('date', '-Ru').replace('+0000', 'UTC')}SHA256:\n{listed}")
    gpg = ("gpg", "--homedir", str(home), "--batch", "--passphrase", "", "--pinentry-mode", "loopback")
    run(*gpg, "--quick-generate-key", "Site <site@example.org>", "ed25519", "sign", "never")
    run(*gpg, "--clearsign", "--output", "InRelease", "Release")
    (root / "site.asc").write_text(run(*gpg, "--armor", "--export"))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    return root


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _index(package: Path, control: str) -> str:
    size = package.stat().st_size
    return f"{control}Filename: ./{package.name}\nSize: {size}\nSHA256: {_sha256(package)}\n"


@pytest.fixture(scope="module")
def address(archive: Path, engine: docker.DockerClient) -> Iterator[str]:
    """Where builds find it; the password is none that anybody asks for."""
    subnet = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    gateway = str(next(ip_network(subnet).hosts()))
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(archive / "www"))
    server = ThreadingHTTPServer((gateway, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://someone:s3cret-of-the-site@{gateway}:{server.server_port}"
    server.shutdown()


def test_a_package_from_another_repository(
    workshop: Workshop, image: Open, archive: Path, address: str
) -> None:
    workshop.describe("  workpiece: {user: worker}\n  child: {parent: workpiece}\n")
    site = {"url": address, "suites": ["./"], "key": str(archive / "site.asc"), "images": ["workpiece"]}
    report = workshop.build(
        "child",
        image_repositories={"site": site},
        image_overrides={"workpiece": {"packages": {"append": ["site-tool", "jq"]}}},
    )
    seen = image(report, "child")
    assert seen.run("site-tool; jq --version").startswith("from the site\njq-")
    assert seen.run("ls /etc/apt/sources.list.d") == "debian.sources\n"
    assert "site-tool=1.0 " in seen.run("cat /usr/local/share/kolla/packages/workpiece")
    text = seen.all_text()
    assert b"s3cret-of-the-site" not in text
    assert address.rpartition("@")[2].encode() not in text


def test_blocks_and_files_of_ones_own(workshop: Workshop, image: Open, tmp_path: Path) -> None:
    workshop.describe("  workpiece: {user: worker, files: {work: /usr/local/bin/work}}\n")
    workshop.file("work", "#!/bin/sh\necho ours\n")
    laid_over = tmp_path / "workpiece" / "image" / "work"
    laid_over.parent.mkdir(parents=True)
    laid_over.write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "image.Dockerfile.j2").write_text(
        '{% extends "kolla/image.Dockerfile.j2" %}\n'
        "{% block before %}\nENV MADE_BY={{ name }}\n{% endblock %}\n"
    )
    report = workshop.build(
        "workpiece",
        image_templates=[str(tmp_path)],
        image_users={"worker": {"uid": 4321, "gid": 4321}},
        image_overrides={
            "workpiece": {
                "blocks": {"commands": "echo inside >/inside; \\\n", "after": "RUN echo after >/after\n"}
            }
        },
    )
    seen = image(report, "workpiece")
    assert seen.run("work; cat /inside /after; echo $MADE_BY; id -u worker").split() == [
        *("mine", "inside", "after", "workpiece", "4321"),
    ]
    assert report.image("base").status == "built"  # its template is another, too
    again = workshop.build("workpiece")
    assert image(again, "workpiece").run("work; id -u worker") == "ours\n42998\n"
