"""Signatures as cosign makes them: ECDSA on P-256 with SHA-256, over bytes that name a digest.

The words are those of cosign's SIGNATURE_SPEC.md ("simple signing"), so that `cosign verify --key` and
this module understand each other. Nothing is run here, and no registry asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kolla.errors import InputError, Location
from kolla.secret import Secret

SETTING = "build_signing_key"
PASSWORD = "build_signing_key_password"
"""Key of passwords.yml; only when the key file is encrypted. Nobody makes it at random."""

PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_ANNOTATION = "dev.cosignproject.cosign/signature"

_ALGORITHM = ec.ECDSA(hashes.SHA256())
_MAKE = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc -out signing.key"


@dataclass(frozen=True)
class PublicKey:
    """What verifies."""

    _key: ec.EllipticCurvePublicKey

    def verifies(self, content: bytes, signature: str) -> bool:
        """Whether `signature` (Base64) is one of this key over `content`."""
        try:
            self._key.verify(base64.b64decode(signature, validate=True), content, _ALGORITHM)
        except (InvalidSignature, binascii.Error):
            return False
        return True


@dataclass(frozen=True)
class PrivateKey:
    """What signs."""

    _key: ec.EllipticCurvePrivateKey

    def sign(self, content: bytes) -> str:
        """A signature over `content`, in Base64."""
        return base64.b64encode(self._key.sign(content, _ALGORITHM)).decode()

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey(self._key.public_key())


def private_key(path: Path, password: Secret | None) -> PrivateKey:
    """Read a key; InputError when it is not one that can sign, or others may read it."""
    pem = _read(path)
    if path.stat().st_mode & 0o077:
        raise InputError(
            f"{SETTING} can be read by others", where=Location(path), hint=f"run: chmod 600 {path}"
        )
    try:
        key = serialization.load_pem_private_key(pem, password.reveal().encode() if password else None)
    except TypeError:
        wrong = "is not encrypted, and there is" if password else "is encrypted, and there is no"
        raise InputError(f"{SETTING} {wrong} {PASSWORD} in passwords.yml", where=Location(path)) from None
    except ValueError:
        raise _unusable(path) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(path)
    return PrivateKey(key)


def public_key(path: Path, password: Secret | None) -> PublicKey:
    """Read the key that verifies, from a file of either; InputError when it holds none."""
    pem = _read(path)
    if b"PUBLIC KEY" not in pem:
        return private_key(path, password).public
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        raise _unusable(path) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(path)
    return PublicKey(key)


def payload(repository: str, digest: str) -> bytes:
    """What is signed: that these images, `repository@digest`, are ours."""
    critical = {
        "identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def speaks_of(content: bytes, digest: str) -> bool:
    """Whether a payload is about the image with this digest, and no other."""
    try:
        critical = json.loads(content)["critical"]
        return bool(critical["image"]["docker-manifest-digest"] == digest)
    except (ValueError, KeyError, TypeError):
        return False


def tag(digest: str) -> str:
    """The tag that the signatures of an image are found under, in its own repository."""
    return f"{digest.replace(':', '-')}.sig"


@dataclass(frozen=True)
class Signature:
    """One signature of an image: the digest of the payload it is over, and itself."""

    blob: str
    size: int
    text: str

    @classmethod
    def over(cls, content: bytes, key: PrivateKey) -> Signature:
        """Sign a payload."""
        return cls(digest_of(content), len(content), key.sign(content))


def signatures(manifest: Mapping[str, Any]) -> Iterator[Signature]:
    """Those that a manifest holds."""
    for layer in manifest.get("layers", ()):
        text = layer.get("annotations", {}).get(_ANNOTATION)
        if layer.get("mediaType") == PAYLOAD_TYPE and text:
            yield Signature(str(layer["digest"]), int(layer["size"]), str(text))


def manifest(found: Sequence[Signature]) -> tuple[bytes, bytes]:
    """The OCI manifest that holds signatures, and the configuration it names."""
    root = {"type": "layers", "diff_ids": [signature.blob for signature in found]}
    config = _json({"architecture": "", "os": "", "config": {}, "rootfs": root})
    layers = [
        {
            "mediaType": PAYLOAD_TYPE,
            "size": signature.size,
            "digest": signature.blob,
            "annotations": {_ANNOTATION: signature.text},
        }
        for signature in found
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": _CONFIG_TYPE, "size": len(config), "digest": digest_of(config)},
        "layers": layers,
    }
    return _json(document), config


def digest_of(content: bytes) -> str:
    """`sha256:...`"""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{SETTING} cannot be read: {error.strerror}"
        raise InputError(message, where=Location(path), hint=f"make one: {_MAKE}") from None


def _unusable(path: Path) -> InputError:
    return InputError(
        f"{SETTING} is not a key that can be used, or {PASSWORD} does not open it",
        where=Location(path),
        expected="an elliptic curve key on P-256, as PEM",
        hint=f"make one: {_MAKE}",
    )
