from pathlib import Path

import pytest

from kolla import generated

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("relative", list(generated.files()))
def test_committed_file_is_the_generated_one(relative: str):
    assert (REPOSITORY / relative).read_text() == generated.files()[relative], "run: make reference"


def test_they_are_written(tmp_path: Path):
    generated.write(tmp_path)
    for relative, text in generated.files().items():
        assert (tmp_path / relative).read_text() == text
