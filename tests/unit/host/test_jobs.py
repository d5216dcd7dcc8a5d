"""What a job says."""

import pytest

from kolla.host.jobs import last_document


@pytest.mark.parametrize(
    ("lines", "document"),
    [
        (['{"a": 1}', "noise", '{"b": 2}', "{not json", "bye"], '{"b": 2}'),
        (["[1]", "3"], ""),
        ([], ""),
    ],
)
def test_the_last_document(lines, document):
    assert last_document(lines) == document
