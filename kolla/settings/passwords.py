"""passwords.yml: every secret of the cloud, made once and never lost."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import string
import struct
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kolla import yamlfile
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Capability, Password, ServiceFolder
from kolla.errors import InputError, Location
from kolla.secret import Secret
from kolla.yamlfile import Document

FILE = "passwords.yml"
REGISTRY = "docker_registry_password"
"""The registry's. Nobody makes it at random: it is the registry that knows it."""
CLOUD_ID = "cloud_id"
"""Not a secret, but made at random, and never to change: it says which things are this cloud's."""


@dataclass(frozen=True)
class Written:
    """What `complete` did."""

    added: tuple[str, ...]
    """Keys that got a value."""
    mode_repaired: bool
    """Whether others could read the file before."""


def database_password(database: str) -> str:
    """Name of the key with the password of a database's user."""
    return f"{database}_database_password"


def identity_password(catalogue: Catalogue, user: str) -> str:
    """Name of the key with the password of a user of the identity provider."""
    provider = catalogue.provider(Capability.IDENTITY)
    return f"{user}_{provider.name if provider else 'identity'}_password"


def storage_key(catalogue: Catalogue, user: str) -> str:
    """Name of the key with the key of a user of the shared storage."""
    provider = catalogue.provider(Capability.STORAGE)
    return f"{provider.name if provider else 'storage'}_{user.replace('-', '_')}_key"


def expected(catalogue: Catalogue) -> dict[str, Password]:
    """Every key passwords.yml should have, in the order it is written."""
    wanted = {CLOUD_ID: Password(kind="uuid", description="Identity of this cloud. Never change it.")}
    for folder in catalogue.folders.values():
        wanted |= of_service(catalogue, folder)
    return wanted


def of_service(catalogue: Catalogue, folder: ServiceFolder) -> dict[str, Password]:
    """The keys one service needs."""
    service = folder.service
    wanted = dict(service.passwords)
    for database in service.databases:
        wanted[database_password(database)] = Password(description=f"Password of database {database}.")
    for user in service.storage.users:
        wanted[storage_key(catalogue, user)] = Password(
            kind="cephx_key", description=f"Key of user {user} of the shared storage."
        )
    identity = service.identity
    if identity and identity.user:
        description = f"Password of service user {identity.user}."
        wanted[identity_password(catalogue, identity.user)] = Password(description=description)
    if identity and identity.domain:
        description = f"Password of the administrator of domain {identity.domain.name}."
        wanted[identity_password(catalogue, identity.domain.administrator)] = Password(
            description=description
        )
    return wanted


def load(config_directory: Path) -> dict[str, Secret]:
    """What passwords.yml holds, without the keys whose value is empty. No file is an empty one.

    Values are taken as they are written: nothing in them is an expression or a number. Mappings and
    lists, which only passwords of other tools are, become JSON.
    """
    return _values(_document(config_directory / FILE))


def generate(catalogue: Catalogue, existing: Mapping[str, Secret]) -> dict[str, Secret]:
    """A new value for every expected key that has none."""
    return {
        name: Secret(_make(password.kind))
        for name, password in expected(catalogue).items()
        if name not in existing
    }


def complete(path: Path, additions: Mapping[str, Secret]) -> Written:
    """Add values to a passwords file: atomically, mode 0600, changing nothing that has a value.

    Comments and order stay. A key that is there without a value gets it in its line; the others are
    added at the end.
    """
    document = _document(path)
    existing = _values(document)
    missing = {name: value for name, value in additions.items() if name not in existing}
    loose = path.exists() and bool(path.stat().st_mode & 0o077)
    if missing or loose or not path.exists():
        text = path.read_text(encoding="utf-8") if path.exists() else "---\n"
        _replace(path, _filled(text, document, missing))
    return Written(tuple(missing), loose)


def rotate(path: Path, catalogue: Catalogue, names: Sequence[str]) -> None:
    """Let passwords move on in a file: each takes the value of the one before it, the first a new one.

    Atomically, and nothing else changes. InputError when one of them has no value, or the file is laid out in
    a way that this would spoil.
    """
    document = _document(path)
    existing = _values(document)
    missing = [name for name in names if name not in existing]
    if missing:
        raise InputError(
            f"password '{missing[0]}' is missing", where=Location(path), hint="run: kolla genpwd"
        )
    first = Secret(_make(expected(catalogue)[names[0]].kind))
    moved = dict(zip(names, [first, *(existing[name] for name in names[:-1])], strict=True))
    _replace(path, _filled(path.read_text(encoding="utf-8"), document, moved))


def merge(old: Path, new: Path, final: Path) -> Written:
    """Write `final`: everything `old` holds, and what only `new` has besides.

    InputError when one of the first two does not exist.
    """
    for path in (old, new):
        if not path.exists():
            raise InputError("there is no such file", where=Location(path))
    document = _document(old)
    existing = _values(document)
    additions = {name: value for name, value in _values(_document(new)).items() if name not in existing}
    _replace(final, _filled(old.read_text(encoding="utf-8"), document, additions))
    return Written(tuple(additions), False)


def _document(path: Path) -> Document:
    if not path.exists():
        return Document(path, None)
    document = yamlfile.load(path)
    if document.data is not None and not isinstance(document.data, dict):
        encrypted = str(document.data).startswith("$ANSIBLE_VAULT")
        raise InputError(
            "the file is encrypted" if encrypted else "this is not a mapping",
            where=document.where(),
            expected="key: value",
            hint="run: ansible-vault decrypt" if encrypted else None,
        )
    return document


def _values(document: Document) -> dict[str, Secret]:
    data = document.data or {}
    return {
        str(name): Secret(document.text([name]) or json.dumps(value))
        for name, value in data.items()
        if value is not None and value != ""
    }


def _filled(text: str, document: Document, additions: Mapping[str, Secret]) -> str:
    """`text` with values put in: into the lines of their keys, or at the end.

    InputError when the file is laid out in a way that this would spoil.
    """
    lines = text.splitlines(keepends=True)
    appended = []
    for name, secret in additions.items():
        line = document.line([name]) if name in (document.data or {}) else None
        if line is None:
            appended.append(f"{name}: {_quoted(secret.reveal())}\n")
            continue
        key, _, rest = lines[line - 1].partition(":")
        comment = rest[rest.index("#") :] if "#" in rest else "\n" if rest.endswith("\n") else ""
        lines[line - 1] = f"{key}: {_quoted(secret.reveal())}{' ' if comment.strip() else ''}{comment}"
    if appended and lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    filled = "".join(lines + appended)
    try:
        found = _values(yamlfile.parse(filled, document.path))
    except InputError:
        found = {}
    if found != _values(document) | dict(additions):
        raise InputError(
            "passwords cannot be added to this file as it is laid out",
            where=Location(document.path),
            expected="one `key: value` a line",
        )
    return filled


def _quoted(value: str) -> str:
    """A YAML scalar that is read back as the same text."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_=+/.-]*", value) and yaml.safe_load(value) == value:
        return value
    quoted: str = yaml.safe_dump(value, default_style='"', width=len(value) * 10)
    return quoted.rstrip("\n")


def _replace(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make(kind: str) -> str:
    """A random value of one kind."""
    match kind:
        case "uuid":
            return str(uuid.uuid4())
        case "fernet_key":
            from cryptography.fernet import Fernet  # heavy, and only needed here

            return Fernet.generate_key().decode()
        case "ssh_key":
            return _ssh_key()
        case "cephx_key":
            return _cephx_key()
        case "hex_key":
            return secrets.token_hex(16)
        case "erlang_cookie":
            return _characters(string.ascii_uppercase, 20)
        case _:
            return _characters(string.ascii_letters + string.digits, 40)


def _ssh_key() -> str:
    """A private key as OpenSSH writes it."""
    from cryptography.hazmat.primitives import serialization  # heavy, and only needed here
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _cephx_key() -> str:
    """A key as Ceph writes it: type (1: AES), when it was made, length, and 16 bytes."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    key = secrets.token_bytes(16)
    return base64.b64encode(struct.pack("<HIIH", 1, seconds, nanoseconds, len(key)) + key).decode()


def _characters(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
