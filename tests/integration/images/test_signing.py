"""Signatures in a real registry, beside cosign itself."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kolla.build_report import BuildReport
from kolla.errors import KollaError
from kolla.images import signature, signing
from kolla.images.push import push
from kolla.images.registry import PASSWORD, Registry
from kolla.images.registry_api import Repository
from kolla.places import Places
from kolla.secret import Secret

from . import registries
from .conftest import KEY_WORD, Workshop

IMAGES = f"{registries.IMAGE}  cargo: {{user: worker}}\n  verifier: {{packages: {{debian-13: [cosign]}}}}\n"
PASSWORDS = {PASSWORD: Secret(registries.WORD), signature.PASSWORD: Secret(KEY_WORD)}
COSIGN = ["verify", "--key", "/tmp/signing.pub", "--insecure-ignore-tlog=true", "--output=text"]
COSIGN += ["--registry-username", registries.USER, "--registry-password", registries.WORD]


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> BuildReport:
    workshop.describe(IMAGES)
    workshop.file("registry.yml", registries.CONFIGURATION)
    return workshop.build(registries.NAME, "cargo", "verifier")


@pytest.fixture(scope="module")
def registry(engine: docker.DockerClient, built: BuildReport) -> Iterator[str]:
    with registries.running(engine, str(built.image(registries.NAME).id), authenticated=True) as address:
        yield address


class Signer:
    """What `kolla build --push --sign` does with one image, and `kolla build --verify`."""

    def __init__(self, workshop: Workshop, registry: str, key: Path) -> None:
        self.workshop = workshop
        self.changes = {
            "docker_registry": registry,
            "docker_registry_username": registries.USER,
            "build_signing_key": str(key),
        }
        self.settings, _ = workshop.load(**self.changes)

    def pushed(self) -> BuildReport:
        report = self.workshop.build("cargo", **self.changes)
        only = report.model_copy(update={"images": {"cargo": report.image("cargo")}})
        return push(self.settings, PASSWORDS, only, self.workshop.state)

    def sign(self, report: BuildReport) -> None:
        private = signing.signing_key(self.settings, PASSWORDS)
        signing.sign_images(self.settings, PASSWORDS, private, report)
        signing.sign_report(Places(self.workshop.state), private)

    def findings(self) -> dict[str, tuple[bool, str]]:
        """Check -> whether it is as it should be, and what was said."""
        told = signing.verify(self.settings, PASSWORDS, self.workshop.state)
        return {finding["check"]: (finding["ok"], finding["message"]) for finding in told}

    def repository(self, digest: str) -> Repository:
        return Repository(Registry.of(self.settings, PASSWORDS), digest.partition("@")[0])


def cosign(engine: docker.DockerClient, image: str, digest: str, public: Path) -> tuple[int, str]:
    """What cosign says of an image: its status and words."""
    container = engine.containers.create(image, [*COSIGN, digest], entrypoint="cosign", network_mode="host")
    try:
        container.put_archive("/tmp", registries.archive({"signing.pub": public.read_bytes()}))
        container.start()
        status = container.wait(timeout=120)["StatusCode"]
        return int(status), container.logs().decode()
    finally:
        container.remove(force=True, v=True)


def test_cosign_accepts_what_we_sign_and_nothing_else(
    workshop: Workshop, built: BuildReport, registry: str, key: Path, engine: docker.DockerClient
) -> None:
    signer, verifier = Signer(workshop, registry, key), str(built.image("verifier").id)
    report = signer.pushed()
    digest = str(report.image("cargo").digest)
    status, words = cosign(engine, verifier, digest, key.with_suffix(".pub"))
    assert (status != 0, "no signatures found" in words) == (True, True), words
    assert signer.findings()["digest"] == (False, f"{digest} is not signed")

    signer.sign(report)
    status, words = cosign(engine, verifier, digest, key.with_suffix(".pub"))
    assert (status, "signatures were verified against the specified public key" in words) == (0, True), words
    assert all(ok for ok, _ in signer.findings().values())

    tag, kind = signature.tag(digest.partition("@")[2]), signature.MANIFEST_TYPE
    first = signer.repository(digest).manifest(tag, kind)
    signer.sign(report)
    assert signer.repository(digest).manifest(tag, kind) == first


def test_the_signature_of_another_image_is_refused(
    workshop: Workshop, built: BuildReport, registry: str, key: Path, engine: docker.DockerClient
) -> None:
    signer, verifier = Signer(workshop, registry, key), str(built.image("verifier").id)
    report = signer.pushed()
    digest = str(report.image("cargo").digest)
    repository = signer.repository(digest)
    other = signature.payload(digest.partition("@")[0], f"sha256:{'0' * 64}")
    forged = signature.Signature.over(other, signing.signing_key(signer.settings, PASSWORDS))
    manifest, config = signature.manifest([forged])
    for blob in (other, config):
        repository.put_blob(blob)
    repository.put_manifest(signature.tag(digest.partition("@")[2]), manifest, signature.MANIFEST_TYPE)

    assert cosign(engine, verifier, digest, key.with_suffix(".pub"))[0] != 0
    assert signer.findings()["digest"] == (False, f"{digest} has no signature of this key")
    signer.sign(report)
    assert cosign(engine, verifier, digest, key.with_suffix(".pub"))[0] == 0
    assert signer.findings()["digest"][0]


def test_a_registry_that_wants_another_password_says_so(workshop: Workshop, registry: str, key: Path) -> None:
    signer = Signer(workshop, registry, key)
    digest = str(signer.pushed().image("cargo").digest)
    stranger = Registry.of(signer.settings, {PASSWORD: Secret("not the word")})
    with pytest.raises(KollaError, match=r"cannot read signatures in .*cargo: ") as caught:
        Repository(stranger, digest.partition("@")[0]).manifest("any", signature.MANIFEST_TYPE)
    assert "docker_registry_password" in str(caught.value)
