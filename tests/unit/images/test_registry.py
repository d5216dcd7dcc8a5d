from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kolla.catalogue.catalogue import Catalogue
from kolla.errors import InputError
from kolla.images.registry import PASSWORD, Registry, RegistryError, refused
from kolla.secret import Secret
from kolla.settings import globals as settings

Given = Callable[..., Registry]


@pytest.fixture
def registry(tmp_path: Path, catalogue: Catalogue) -> Given:
    """The registry of these settings and passwords."""

    def of(passwords: dict[str, str] | None = None, **given: object) -> Registry:
        (tmp_path / "globals.yml").write_text(yaml.safe_dump(given))
        secrets = {name: Secret(value) for name, value in (passwords or {}).items()}
        return Registry.of(settings.load(tmp_path, catalogue), secrets)

    return of


def test_without_an_address_there_is_nothing_to_push_to(registry: Given) -> None:
    with pytest.raises(InputError, match="no registry to push to") as caught:
        registry()
    assert "docker_registry" in str(caught.value)


def test_a_name_without_a_password_is_refused(registry: Given) -> None:
    with pytest.raises(InputError, match="'pusher'") as caught:
        registry(docker_registry="r.example:5000", docker_registry_username="pusher")
    assert "docker_registry_password in passwords.yml" in str(caught.value)


def test_a_password_without_a_name_is_not_used(registry: Given) -> None:
    assert registry({PASSWORD: "word"}, docker_registry="r.example").password is None


def test_credentials_never_show(registry: Given) -> None:
    given = {"docker_registry": "r.example", "docker_registry_username": "pusher"}
    found = registry({PASSWORD: "very secret"}, **given)
    assert found.password is not None and found.password.reveal() == "very secret"
    assert "very secret" not in repr(found)


def test_certificates_that_are_not_there_are_refused(registry: Given, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="docker_registry_ca: there is no file"):
        registry(docker_registry="r.example", docker_registry_ca=str(tmp_path / "ca.pem"))


def test_the_host_is_what_certificates_are_kept_under(registry: Given) -> None:
    assert registry(docker_registry="r.example:5000/group/project").host == "r.example:5000"


FINAL = [
    "unauthorized: authentication required",
    "denied: requested access to the resource is denied",
    "no basic auth credentials",
    'Get "https://r.example/v2/": x509: certificate signed by unknown authority',
    'Get "https://r.example/v2/": http: server gave HTTP response to HTTPS client',
    "trying to reuse blob: unable to retrieve auth token: invalid username/password: unauthorized",
]
PASSING = [
    "received unexpected HTTP status: 503 Service Unavailable",
    'Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused',
    "net/http: TLS handshake timeout",
    "toomanyrequests: you have reached your limit",
    "unexpected EOF",
    "dial tcp: lookup r.example: no such host",
]


@pytest.mark.parametrize("words", FINAL)
def test_what_stays_refused_is_not_asked_again(words: str) -> None:
    error = refused("cannot push x", None, words)
    assert error.final
    assert error.hint


@pytest.mark.parametrize("words", PASSING)
def test_what_may_pass_is_asked_again(words: str) -> None:
    assert not RegistryError(f"cannot push x: {words}").final


def test_a_refusal_says_who_asked() -> None:
    known = Registry("r.example", "pusher", Secret("word"))
    assert "'pusher'" in str(refused("cannot push x", known, "unauthorized: authentication required"))
    assert "nobody" in str(refused("cannot push x", None, "unauthorized: authentication required"))
