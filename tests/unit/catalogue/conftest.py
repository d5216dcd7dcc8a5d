from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

MakeService = Callable[..., Path]


@pytest.fixture
def make_service(tmp_path: Path) -> MakeService:
    """Writes `<tmp>/services/<folder>/service.yml` and empty files; gives the folder of service folders."""

    def make(text: str, folder: str = "notes", files: Sequence[str] = ("config/notes.conf.j2",)) -> Path:
        path = tmp_path / "services" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "service.yml").write_text(text)
        for file in files:
            (path / file).parent.mkdir(exist_ok=True)
            (path / file).touch()
        return tmp_path / "services"

    return make
