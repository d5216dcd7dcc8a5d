import dataclasses
from pathlib import Path

import pytest

from kolla.images import base
from kolla.images.options import Options

from .conftest import FakeEngine


@pytest.fixture
def bootstrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """mmdebstrap's work, done by hand."""

    def bootstrap(distribution: object, transport: object, tarball: Path, *others: object) -> list[str]:
        tarball.write_bytes(b"root file system")
        return ["apt=3.0", "dash=0.5"]

    monkeypatch.setitem(base.BOOTSTRAP, "apt", bootstrap)


def make(options: Options, directory: Path) -> base.Base:
    return base.make(options, directory, FakeEngine(), directory / "log", expected=None)  # type: ignore[arg-type]


@pytest.mark.usefixtures("bootstrapped")
def test_a_base_is_known_until_its_recipe_changes(
    tmp_path: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert base.recorded(options, tmp_path) is None
    made = make(options, tmp_path)
    assert made.packages == ("apt=3.0", "dash=0.5")
    assert base.recorded(options, tmp_path) == made
    monkeypatch.setitem(base.RECIPE, "apt", lambda distribution: ["another"])
    assert base.recorded(options, tmp_path) is None


def test_a_pulled_base_is_known_until_another_image_is_wanted(tmp_path: Path, options: Options) -> None:
    options = dataclasses.replace(options, pull_base=True)
    made = make(options, tmp_path)
    assert made.image == f"{options.distribution.image}@sha256:00"
    assert base.recorded(options, tmp_path) == made
    other = options.distribution.model_copy(update={"image": "mirror.example/debian:1"})
    assert base.recorded(dataclasses.replace(options, distribution=other), tmp_path) is None
