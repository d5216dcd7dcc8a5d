"""Signatures, without a registry."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from kolla.build_report import BuildReport, BuiltImage
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images import signature, signing
from kolla.places import Places
from kolla.secret import Secret
from kolla.settings import globals as settings

from .conftest import FakeEngine

DIGEST = "sha256:" + "ab" * 32
WORD = Secret("a word")


def key_file(path: Path, *, password: Secret | None = None, curve: ec.EllipticCurve | None = None) -> Path:
    """A new key, as openssl would write it."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.reveal().encode())
    key = ec.generate_private_key(curve or ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    path.chmod(0o600)
    return path


def public_file(private: Path) -> Path:
    key = serialization.load_pem_private_key(private.read_bytes(), None).public_key()
    path = private.with_suffix(".pub")
    path.write_bytes(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path


def test_what_is_signed_is_what_cosign_signs() -> None:
    content = signature.payload("registry.example.org/kolla/base", DIGEST)
    assert json.loads(content) == {
        "critical": {
            "identity": {"docker-reference": "registry.example.org/kolla/base"},
            "image": {"docker-manifest-digest": DIGEST},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    assert signature.tag(DIGEST) == f"sha256-{'ab' * 32}.sig"
    assert signature.speaks_of(content, DIGEST)
    assert not signature.speaks_of(content, DIGEST.replace("a", "b"))
    for nonsense in (b"", b"[]", b"{}", b'{"critical": 1}'):
        assert not signature.speaks_of(nonsense, DIGEST)


@given(content=st.binary(), place=st.integers(0, 10**6))
def test_one_changed_byte_is_found(content: bytes, place: int) -> None:
    key = signature.PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    signed = key.sign(content)
    assert key.public.verifies(content, signed)
    changed = bytearray(content + b"\0")
    changed[place % len(changed)] ^= 1
    assert not key.public.verifies(bytes(changed), signed)
    assert not key.public.verifies(content, base64.b64encode(b"nonsense").decode())
    assert not key.public.verifies(content, "not Base64")


def test_another_key_does_not_verify(tmp_path: Path) -> None:
    ours, theirs = (signature.private_key(key_file(tmp_path / n), None) for n in ("ours", "theirs"))
    assert not theirs.public.verifies(b"text", ours.sign(b"text"))


def test_openssl_understands_a_signature(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "it is on every machine that ansible runs on"
    private = key_file(tmp_path / "signing.key")
    (tmp_path / "text").write_bytes(b"text")
    signed = base64.b64decode(signature.private_key(private, None).sign(b"text"))
    (tmp_path / "text.sig").write_bytes(signed)
    command = [openssl, "dgst", "-sha256", "-verify", str(public_file(private))]
    command += ["-signature", str(tmp_path / "text.sig"), str(tmp_path / "text")]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"Verified OK\n"


def test_an_encrypted_key_and_its_password(tmp_path: Path) -> None:
    path = key_file(tmp_path / "signing.key", password=WORD)
    assert signature.private_key(path, WORD).public.verifies(
        b"a", signature.private_key(path, WORD).sign(b"a")
    )
    with pytest.raises(InputError, match="is encrypted, and there is no build_signing_key_password"):
        signature.private_key(path, None)
    with pytest.raises(InputError, match="does not open it") as caught:
        signature.private_key(path, Secret("another"))
    assert "another" not in str(caught.value)
    with pytest.raises(InputError, match="is not encrypted, and there is"):
        signature.private_key(key_file(tmp_path / "open.key"), WORD)


def test_keys_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as caught:
        signature.private_key(tmp_path / "none", None)
    assert "make one: openssl genpkey" in str(caught.value)
    for path in (key_file(tmp_path / "other", curve=ec.SECP384R1()), tmp_path / "nonsense"):
        path.touch(0o600)
        with pytest.raises(InputError, match="expected: an elliptic curve key on P-256"):
            signature.private_key(path, None)
    path = key_file(tmp_path / "seen")
    path.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        signature.private_key(path, None)


def test_a_public_key_is_enough_to_verify_and_cannot_sign(tmp_path: Path) -> None:
    private = key_file(tmp_path / "signing.key")
    public = public_file(private)
    signed = signature.private_key(private, None).sign(b"text")
    assert signature.public_key(public, None).verifies(b"text", signed)
    public.chmod(0o600)
    with pytest.raises(InputError, match="is not a key that can be used"):
        signature.private_key(public, None)


def test_a_manifest_holds_what_was_put_in() -> None:
    key = signature.PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    content = signature.payload("r/n", DIGEST)
    signed = [signature.Signature.over(content, key), signature.Signature.over(content, key)]
    document, config = signature.manifest(signed)
    found = json.loads(document)
    assert list(signature.signatures(found)) == signed
    assert found["config"]["digest"] == signature.digest_of(config)
    assert list(signature.signatures({})) == []


@pytest.fixture
def signed(tmp_path: Path, catalogue: Catalogue, engine: FakeEngine) -> settings.Globals:
    """Settings with a key, and a signed report of one image in the state directory."""
    key = key_file(tmp_path / "signing.key")
    (tmp_path / "globals.yml").write_text(f"build_signing_key: {key}\n")
    bill = tmp_path / "base.cdx.json"
    bill.write_text("{}")
    image = BuiltImage(
        name="base",
        status="built",
        identity="f" * 64,
        id="sha256:1",
        reference="kolla/base:t",
        sbom="base.cdx.json",
        sbom_sha256=signature.digest_of(b"{}").removeprefix("sha256:"),
    )
    report = BuildReport(release="2026.1", base="debian-13", images={"base": image})
    path = Places(tmp_path).build_report
    path.write_text(report.model_dump_json())
    signing.sign_report(Places(tmp_path), signature.private_key(key, None))
    engine.tags["sha256:1"] = {"kolla/base:t"}
    return settings.load(tmp_path, catalogue)


def bad(given: settings.Globals, state: Path) -> set[str]:
    findings = signing.verify(given, {}, state)
    return {f"{finding['check']} {finding['subject']}" for finding in findings if not finding["ok"]}


def test_what_is_as_it_was_signed(signed: settings.Globals, tmp_path: Path) -> None:
    assert len(signing.verify(signed, {}, tmp_path)) == 3
    assert bad(signed, tmp_path) == set()


def test_whatever_was_changed_is_found(signed: settings.Globals, tmp_path: Path, engine: FakeEngine) -> None:
    (tmp_path / "base.cdx.json").write_text("{ }")
    engine.tags = {"sha256:2": {"kolla/base:t"}}
    assert bad(signed, tmp_path) == {"bill base", "image base"}
    report = Places(tmp_path).build_report
    report.write_text(report.read_text().replace("sha256:1", "sha256:2"))
    assert bad(signed, tmp_path) == {"bill base", "report build.json"}
    Places(tmp_path).build_signature.unlink()
    assert "report build.json" in bad(signed, tmp_path)


def test_without_a_key_nothing_is_signed(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "globals.yml").write_text("")
    with pytest.raises(InputError, match="set build_signing_key in globals"):
        signing.signing_key(settings.load(tmp_path, catalogue), {})
