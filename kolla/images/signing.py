"""Signing what was built, and finding out whether what is there is what was signed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kolla.build_report import BuildReport, BuiltImage, unlike
from kolla.errors import InputError, KollaError
from kolla.events import Event, Listener, ignore
from kolla.images import signature
from kolla.images.engine import connect
from kolla.images.options import Options
from kolla.images.registry import Registry, RegistryError
from kolla.images.registry_api import Repository
from kolla.images.retry import retried
from kolla.images.signature import PrivateKey, PublicKey, Signature
from kolla.places import Places, write_private
from kolla.secret import Secret
from kolla.settings.globals import Globals

PHASE = "sign"
_SAME = "it is the one of the report"

Passwords = Mapping[str, Secret]


def signing_key(settings: Globals, passwords: Passwords) -> PrivateKey:
    """The key of the settings; InputError when there is none that signs."""
    return signature.private_key(_path(settings), passwords.get(signature.PASSWORD))


def sign_images(
    settings: Globals,
    passwords: Passwords,
    key: PrivateKey,
    report: BuildReport,
    on_event: Listener = ignore,
) -> None:
    """Put a signature of every pushed image of the settings' install type beside it in the registry, unless
    there is one of this key.

    KollaError when the registry does not take one, after further tries where they may help.
    """
    registry, options = Registry.of(settings, passwords), Options.of(settings)
    images = [image for image in report.images.values() if image.install_type == options.install_type]
    pushed = {image.name: image.digest for image in images if image.digest}
    began = time.monotonic()
    on_event(Event(PHASE, "started", total=len(pushed)))
    for name, digest in pushed.items():
        since = time.monotonic()
        on_event(Event(PHASE, "started", name))
        retried(
            partial(_sign, digest, registry, key),
            options.retries,
            worthwhile=lambda error: isinstance(error, RegistryError) and not error.final,
            on_retry=partial(_tell, on_event, name),
        )
        on_event(Event(PHASE, "done", name, seconds=time.monotonic() - since))
    on_event(Event(PHASE, "done", seconds=time.monotonic() - began))


def _tell(on_event: Listener, name: str, attempt: int, error: KollaError) -> None:
    on_event(Event(PHASE, "started", name, message=f"try {attempt}: {error.what}"))


def sign_report(places: Places, key: PrivateKey) -> Path:
    """Sign the build report, and by that the identity, ID, digest and bill of every image in it.

    The signature, in Base64, is what `openssl dgst -verify` (after Base64) and `cosign verify-blob` take.
    """
    write_private(places.build_signature, key.sign(places.build_report.read_bytes()) + "\n")
    return places.build_signature


def verify(settings: Globals, passwords: Passwords, state_directory: Path) -> tuple[dict[str, Any], ...]:
    """What was signed and is as it was, and what is not: the report, the bills it names, the images the
    engine has under the names it gives, and in the registry the signature of every digest.

    InputError without a key or a report; KollaError when the registry or the engine does not answer.
    """
    key = signature.public_key(_path(settings), passwords.get(signature.PASSWORD))
    places = Places(state_directory)
    report = BuildReport.load(places.build_report)
    engine = connect(Options.of(settings).engine)
    present = {tag: image for image, tags in engine.images().items() for tag in tags}
    found = [_report(places, report, key)]
    for image in report.images.values():
        if image.sbom:
            found.append(_bill(state_directory / image.sbom, image))
        if image.reference in present:
            same = present[image.reference] == image.id
            message = (
                "it is the one of the report" if same else f"another image has the name {image.reference}"
            )
            found.append(_finding("image", image.name, same, message))
        if image.digest:
            found.append(_digest(image, Registry.of(settings, passwords), key))
    return tuple(found)


def _path(settings: Globals) -> Path:
    path = str(settings.value(signature.SETTING) or "")
    if not path:
        raise InputError("there is no key to sign with", hint=f"set {signature.SETTING} in globals.yml")
    return Path(path)


def _sign(digest: str, registry: Registry, key: PrivateKey) -> None:
    name, _, wanted = digest.partition("@")
    repository = Repository(registry, name)
    present = list(signature.signatures(_manifest(repository, wanted)))
    if any(_is_valid(repository, one, wanted, key.public) for one in present):
        return
    content = signature.payload(name, wanted)
    manifest, config = signature.manifest([*present, Signature.over(content, key)])
    for blob in (content, config):
        repository.put_blob(blob)
    repository.put_manifest(signature.tag(wanted), manifest, signature.MANIFEST_TYPE)


def _manifest(repository: Repository, digest: str) -> dict[str, Any]:
    return repository.manifest(signature.tag(digest), signature.MANIFEST_TYPE) or {}


def _is_valid(repository: Repository, one: Signature, digest: str, key: PublicKey) -> bool:
    content = repository.blob(one.blob)
    return key.verifies(content, one.text) and signature.speaks_of(content, digest)


def _report(places: Places, report: BuildReport, key: PublicKey) -> dict[str, Any]:
    path, signed = places.build_report, places.build_signature
    if not signed.exists():
        if places.origin.exists():
            return _origin(places, report, key)
        return _finding("report", path.name, False, "it is not signed", hint="run: kolla build --sign")
    same = key.verifies(path.read_bytes(), signed.read_text().strip())
    message = "signed" if same else "it was changed after it was signed, or signed with another key"
    return _finding("report", path.name, same, message)


def _origin(places: Places, report: BuildReport, key: PublicKey) -> dict[str, Any]:
    """Whether what was loaded is what was signed where it was built."""
    path, signed = places.origin / places.build_report.name, places.origin / places.build_signature.name
    if not signed.exists() or not key.verifies(path.read_bytes(), signed.read_text().strip()):
        message = "that of where the images were built is signed with another key, or was changed since"
        return _finding("report", places.build_report.name, False, message)
    others = unlike(report, BuildReport.load(path))
    message = (
        f"{', '.join(others)}: not in the report that was signed" if others else "signed where it was made"
    )
    return _finding("report", places.build_report.name, not others, message)


def _bill(path: Path, image: BuiltImage) -> dict[str, Any]:
    content = path.read_bytes() if path.exists() else b""
    same = hashlib.sha256(content).hexdigest() == image.sbom_sha256
    return _finding("bill", image.name, same, _SAME if same else f"{path} was changed")


def _digest(image: BuiltImage, registry: Registry, key: PublicKey) -> dict[str, Any]:
    name, _, digest = str(image.digest).partition("@")
    repository = Repository(registry, name)
    present = list(signature.signatures(_manifest(repository, digest)))
    if any(_is_valid(repository, one, digest, key) for one in present):
        return _finding("digest", image.name, True, f"{image.digest} is signed")
    how = "has no signature of this key" if present else "is not signed"
    return _finding("digest", image.name, False, f"{image.digest} {how}")


def _finding(check: str, subject: str, ok: bool, message: str, hint: str = "") -> dict[str, Any]:
    return {
        "host": "this machine",
        "check": check,
        "subject": subject,
        "ok": ok,
        "message": message,
        "hint": hint,
    }
