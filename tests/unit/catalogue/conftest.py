from collections.abc import Callable
from pathlib import Path

import pytest

MakeService = Callable[..., Path]


@pytest.fixture
def make_service(tmp_path: Path) -> MakeService:
    """Writes `<tmp>/services/<folder>/service.yml`; gives the folder of service folders."""

    def make(text: str, folder: str = "notes") -> Path:
        path = tmp_path / "services" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "service.yml").write_text(text)
        return tmp_path / "services"

    return make
