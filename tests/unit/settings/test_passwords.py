import base64
import stat
import struct
import uuid
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from hypothesis import given
from hypothesis import strategies as st

from kolla.catalogue import loader
from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.secret import Secret
from kolla.settings import passwords


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_service_gets_its_passwords():
    services = Path(__file__).parents[2] / "system" / "services"
    wanted = passwords.expected(loader.load([services]))
    assert next(iter(wanted)) == "cloud_id"
    assert {"notes_database_password", "notes_keystone_password", "database_password"} <= set(wanted)


def test_the_administrator_of_a_domain_has_a_password_like_a_service_user(catalogue: Catalogue):
    wanted = passwords.expected(catalogue)
    assert {"heat_keystone_password", "heat_domain_admin_keystone_password"} <= set(wanted)
    assert "domain heat_user_domain" in wanted["heat_domain_admin_keystone_password"].description


def test_kinds(catalogue: Catalogue):
    made = {name: value.reveal() for name, value in passwords.generate(catalogue, {}).items()}
    uuid.UUID(made["cloud_id"])
    Fernet(made["keystone_fernet_key_primary"])
    assert made["rabbitmq_cluster_cookie"].isupper()
    assert made["rabbitmq_cluster_cookie"].isalpha()
    key = load_ssh_private_key(made["demo_ssh_key"].encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    assert len(bytes.fromhex(made["heat_auth_encryption_key"])) == 16
    kind, _, _, length = struct.unpack("<HIIH", base64.b64decode(made["ceph_admin_key"])[:12])
    assert (kind, length, len(base64.b64decode(made["ceph_glance_key"]))) == (1, 16, 28)
    assert len(made["database_password"]) == 40
    assert made["database_password"].isalnum()
    assert len(set(made.values())) == len(made)


def test_only_what_is_missing_is_made(catalogue: Catalogue):
    made = passwords.generate(catalogue, {"database_password": Secret("x")})
    assert "database_password" not in made
    assert "cloud_id" in made


def test_a_new_file_is_private_and_complete(catalogue: Catalogue, tmp_path: Path):
    path = tmp_path / "kolla" / "passwords.yml"
    made = passwords.generate(catalogue, {})
    written = passwords.complete(path, made)
    assert written.added == tuple(made)
    assert mode(path) == 0o600
    assert passwords.load(path.parent) == made
    assert [p.name for p in path.parent.iterdir()] == ["passwords.yml"]


def test_what_is_there_stays_byte_for_byte(tmp_path: Path):
    path = tmp_path / "passwords.yml"
    text = "---\n# mine\nb:   'old'   # keep\n\nunknown: x\nempty:   # fill me\nquoted: ''\nlast: 1"
    path.write_text(text)
    path.chmod(0o600)
    new = {name: Secret(f"new-{name}") for name in ("a", "b", "empty", "quoted", "last")}
    written = passwords.complete(path, new)
    assert written.added == ("a", "empty", "quoted")
    assert path.read_text() == (
        "---\n# mine\nb:   'old'   # keep\n\nunknown: x\n"
        "empty: new-empty # fill me\nquoted: new-quoted\nlast: 1\na: new-a\n"
    )


def test_nothing_to_add_writes_nothing(tmp_path: Path):
    path = tmp_path / "passwords.yml"
    path.write_text("a: x\n")
    path.chmod(0o600)
    before = path.stat()
    assert passwords.complete(path, {"a": Secret("y")}) == passwords.Written((), False)
    assert path.stat().st_ino == before.st_ino


def test_a_readable_file_is_repaired(tmp_path: Path):
    path = tmp_path / "passwords.yml"
    path.write_text("a: x\n")
    path.chmod(0o644)
    assert passwords.complete(path, {}) == passwords.Written((), True)
    assert mode(path) == 0o600
    assert path.read_text() == "a: x\n"


def test_values_are_never_expressions_nor_numbers(tmp_path: Path):
    (tmp_path / "passwords.yml").write_text('a: "{{ b }}"\nb: 0123\nc: 1e5\nd: no\ne:\n')
    found = {name: value.reveal() for name, value in passwords.load(tmp_path).items()}
    assert found == {"a": "{{ b }}", "b": "0123", "c": "1e5", "d": "no"}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_value_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: str):
    path = tmp_path_factory.mktemp("kolla") / "passwords.yml"
    passwords.complete(path, {"a": Secret(value), "b": Secret("x")})
    assert passwords.load(path.parent) == {"a": Secret(value), "b": Secret("x")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$ANSIBLE_VAULT;1.1;AES256\n33\n", "ansible-vault decrypt"),
        ("- a\n", "not a mapping"),
        ("a: 'x\n", "not YAML"),
    ],
)
def test_what_is_not_a_passwords_file(tmp_path: Path, text: str, said: str):
    path = tmp_path / "passwords.yml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        passwords.complete(path, {"a": Secret("x")})
    assert said in str(caught.value)
    assert path.read_text() == text


def test_key_pairs_of_other_tools_are_kept(tmp_path: Path):
    path = tmp_path / "passwords.yml"
    text = "nova_ssh_key:\n  private_key: a\n  public_key: b\n"
    path.write_text(text)
    passwords.complete(path, {"nova_ssh_key": Secret("x"), "b": Secret("y")})
    assert path.read_text() == text + "b: y\n"
    assert passwords.load(tmp_path)["nova_ssh_key"] == Secret('{"private_key": "a", "public_key": "b"}')


def test_merge_keeps_all_that_is_old(tmp_path: Path):
    old, new, final = tmp_path / "old.yml", tmp_path / "new.yml", tmp_path / "final.yml"
    old.write_text("# mine\na: old\nretired: x\nempty:\n")
    new.write_text("a: new\nb: new\nempty: new\n")
    assert passwords.merge(old, new, final).added == ("b", "empty")
    assert yaml.safe_load(final.read_text()) == {"a": "old", "retired": "x", "b": "new", "empty": "new"}
    assert final.read_text().startswith("# mine\n")
    assert mode(final) == 0o600
    with pytest.raises(InputError, match="no such file"):
        passwords.merge(tmp_path / "missing.yml", new, final)


def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(descriptor: int) -> None:
        raise OSError("no space left on device")

    path = tmp_path / "passwords.yml"
    path.write_text("a: x\n")
    monkeypatch.setattr("kolla.settings.passwords.os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        passwords.complete(path, {"b": Secret("y")})
    assert path.read_text() == "a: x\n"
    assert [p.name for p in tmp_path.iterdir()] == ["passwords.yml"]


@pytest.mark.parametrize("text", ["{a: x, b: }\n", "? b\n:\na: x\n", "a: x\n...\n", "{a: x}\n"])
def test_a_file_that_adding_would_spoil_is_left_alone(tmp_path: Path, text: str):
    path = tmp_path / "passwords.yml"
    path.write_text(text)
    with pytest.raises(InputError, match="cannot be added to this file") as caught:
        passwords.complete(path, {"b": Secret("new")})
    assert "one `key: value` a line" in str(caught.value)
    assert path.read_text() == text


STAGED, PRIMARY = "keystone_fernet_key_staged", "keystone_fernet_key_primary"


def test_passwords_that_rotate_move_on_and_nothing_else_changes(catalogue: Catalogue, tmp_path: Path):
    path = tmp_path / "passwords.yml"
    path.write_text(f"# mine\n{PRIMARY}: p  # in use\nother: 'x#y'\n{STAGED}: s\n")
    passwords.rotate(path, catalogue, [STAGED, PRIMARY])
    fresh = passwords.load(tmp_path)[STAGED].reveal()
    Fernet(fresh)
    # A key that begins with a dash or an underscore is written in quotes.
    end = path.read_text().removeprefix(f"# mine\n{PRIMARY}: s # in use\nother: 'x#y'\n{STAGED}: ")
    assert end in (f"{fresh}\n", f"'{fresh}'\n")
    assert mode(path) == 0o600


def test_what_is_not_there_does_not_rotate(catalogue: Catalogue, tmp_path: Path):
    path = tmp_path / "passwords.yml"
    path.write_text(f"{STAGED}: s\n")
    with pytest.raises(InputError, match=f"password '{PRIMARY}' is missing"):
        passwords.rotate(path, catalogue, [STAGED, PRIMARY])
    assert path.read_text() == f"{STAGED}: s\n"
