from pathlib import Path

import pytest

from kolla.errors import KollaError
from kolla.images.engine import connect


def podman(directory: Path, version: str) -> None:
    """A `podman` of some version."""
    program = directory / "podman"
    program.write_text(f"#!/bin/sh\necho {version} /var/lib/containers/storage\n")
    program.chmod(0o755)


def test_one_that_spoils_images_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    podman(tmp_path, "4.3.1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(KollaError, match=r"podman 4\.3\.1") as caught:
        connect("podman")
    assert "podman 5 or newer" in str(caught.value)


def test_without_one_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KollaError, match="there is none on PATH"):
        connect("podman")
