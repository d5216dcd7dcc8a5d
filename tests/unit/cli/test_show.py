import json
from dataclasses import dataclass

import pytest

from kolla.cli.show import duration, show, table


@dataclass
class Spoken:
    exit_code: int = 0

    def to_json(self):
        return {"operations": 2}

    def text(self):
        return "two operations"


def test_words_of_its_own_for_people_the_document_for_programs(capsys):
    show(Spoken(), "text")
    assert capsys.readouterr().out == "two operations\n"
    show(Spoken(), "json")
    assert json.loads(capsys.readouterr().out) == {"operations": 2}


def test_table_aligns_columns_and_leaves_out_empty_ones():
    rows = [
        {"host": "one", "container": "keystone", "health": "healthy", "note": None},
        {"host": "another", "container": "haproxy", "health": None, "note": ""},
    ]
    assert table(rows) == [
        "HOST     CONTAINER  HEALTH",
        "one      keystone   healthy",
        "another  haproxy",
    ]


def test_a_result_without_words_is_a_table(capsys):
    @dataclass
    class Rows:
        exit_code: int = 0

        def to_json(self):
            return [{"host": "one", "generation": 3}]

    show(Rows(), "text")
    assert capsys.readouterr().out == "HOST  GENERATION\none   3\n"


def test_no_words_are_no_line(capsys):
    class Silent(Spoken):
        def text(self):
            return ""

    show(Silent(), "text")
    assert capsys.readouterr().out == ""


def test_an_empty_table_is_nothing():
    assert table([]) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0s"), (59.94, "59.9s"), (60, "1m00s"), (3725, "62m05s")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text
