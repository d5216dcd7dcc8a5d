"""SIGTERM, by which a CI gives up, ends what works on images as Ctrl-C does."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kolla.cli.failure import INTERRUPTED
from kolla.cli.main import invoke
from kolla.cli.verbs import images


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("verb", ["build", "push", "promote", "publish", "load", "lock"])
def test_a_verb_about_images_ends_like_interrupted(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle.tar"
    bundle.touch()
    monkeypatch.setattr(images, "run", lambda action: signal.raise_signal(signal.SIGTERM))
    arguments = [verb, str(bundle)] if verb == "load" else [verb]
    assert invoke([*arguments, "--configdir", str(tmp_path)]) == INTERRUPTED
    assert "interrupted" in capsys.readouterr().err
