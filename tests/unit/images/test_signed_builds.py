"""`kolla build --sign` and `--verify`, with an engine that builds nothing."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kolla.api import Cloud
from kolla.build_report import BuildReport
from kolla.errors import InputError, KollaError
from kolla.images import push as pushing
from kolla.images import signing

from .conftest import FakeEngine

GLOBALS = "kolla_base_source: pull\nbuild_signing_key: {key}\ndocker_registry: registry.example.org\n"


@pytest.fixture
def cloud(tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    key = tmp_path / "signing.key"
    key.touch(0o600)
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"a word"),
        )
    )
    (tmp_path / "globals.yml").write_text(GLOBALS.format(key=key))
    (tmp_path / "passwords.yml").write_text("build_signing_key_password: a word\n")
    (tmp_path / "passwords.yml").chmod(0o600)
    return Cloud(tmp_path)


def unsound(cloud: Cloud) -> list[str]:
    return [str(finding["check"]) for finding in cloud.verify_images().findings if not finding["ok"]]


def test_a_signed_build_is_sound_until_the_next_one(cloud: Cloud, engine: FakeEngine) -> None:
    cloud.build(["^base$"], {"sign": True})
    assert unsound(cloud) == []
    assert cloud.verify_images().exit_code == 0
    cloud.build(["^base$"])
    assert unsound(cloud) == ["report"]
    cloud.build(["^base$"], {"sign": True})
    assert unsound(cloud) == []


def test_a_key_that_cannot_sign_stops_the_build_before_it_begins(
    cloud: Cloud, engine: FakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "passwords.yml").write_text("{}\n")
    with pytest.raises(InputError, match="is encrypted"):
        cloud.build(["^base$"], {"sign": True})
    assert engine.built == []


def test_a_key_that_cannot_sign_stops_a_push_before_it_begins(
    cloud: Cloud, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.build(["^base$"])
    (tmp_path / "passwords.yml").write_text("{}\n")
    monkeypatch.setattr(pushing, "push", lambda *given, **named: pytest.fail("pushed"))
    with pytest.raises(InputError, match="is encrypted"):
        cloud.push(sign=True)


def test_no_moving_tag_shows_what_is_not_signed(
    cloud: Cloud, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def passed(step: str) -> Any:
        def do(settings: object, passwords: object, *given: Any, **named: object) -> BuildReport:
            done.append(step)
            return next(one for one in given if isinstance(one, BuildReport))

        return do

    for module, name in ((pushing, "push"), (signing, "sign_images"), (pushing, "promote")):
        monkeypatch.setattr(module, name, passed(name))
    cloud.build(["^base$"], {"sign": True, "push": True})
    assert done == ["push", "sign_images", "promote"]

    done.clear()
    cloud.build(["^base$"])
    cloud.push()
    assert (done, unsound(cloud)) == (["push", "promote"], ["report"])
    done.clear()
    cloud.push(sign=True)
    assert (done, unsound(cloud)) == (["push", "sign_images", "promote"], [])

    def refused(*given: object) -> None:
        raise KollaError("no")

    done.clear()
    monkeypatch.setattr(signing, "sign_images", refused)
    with pytest.raises(KollaError, match="no"):
        cloud.build(["^base$"], {"sign": True, "push": True})
    assert done == ["push"]
