from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla import yamlfile
from kolla.errors import InputError

FILE = Path("globals.yml")


def test_lines_of_keys_items_and_what_is_missing():
    document = yamlfile.parse("a: 1\nb:\n  c:\n  - x\n  - y: 1\n", FILE)
    assert document.data == {"a": 1, "b": {"c": ["x", {"y": 1}]}}
    assert document.line(["b", "c"]) == 3
    assert document.line(["b", "c", 0]) == 4
    assert document.line(["b", "c", 1, "y"]) == 5
    assert document.line(["b", "missing", "deeper"]) == 2
    assert str(document.where(["b", "c"])) == "globals.yml:3"


def test_text_is_found_where_it_first_stands():
    document = yamlfile.parse("a: x\nb: [y, 'x y']\nx y: &here [z]\nc: *here\n", FILE)
    assert str(document.find("y")) == "globals.yml:2"
    assert str(document.find("x y")) == "globals.yml:2"
    assert str(document.find("z")) == "globals.yml:3"
    assert str(document.find("nowhere")) == "globals.yml"


def test_numbers_keep_how_they_are_written():
    document = yamlfile.parse("release: 2026.10\nmode: 0644\nname: 'x'\n", FILE)
    assert document.data["release"] == 2026.1
    assert document.text(["release"]) == "2026.10"
    assert document.text(["mode"]) == "0644"
    assert document.text(["missing"]) is None


def test_empty_document():
    document = yamlfile.parse("# nothing\n", FILE)
    assert document.data is None
    assert document.line() is None


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: : 2\n", "globals.yml:2:4", "mapping values"),
        ("a:\n\tb: 1\n", "globals.yml:2:1", "indent with spaces"),
        ("a: 1\n\tb: 1\n", "globals.yml:2:1", "indent with spaces"),
        ("a: {{ x }}\n", "globals.yml:1:5", "must be in quotes"),
        ("a: [1\nb: 2\n", "globals.yml:2:2", "check quotes, brackets"),
        ("a: !vault x\n", "globals.yml:1:4", "tags"),
        ("a: 2026-99-99\n", "globals.yml:1:4", "no valid timestamp\n  hint: put it in quotes"),
        ("a: [1, !!int x]\n", "globals.yml:1:8", "no valid int"),
        ("a: !!bool maybe\n", "globals.yml:1:4", "no valid bool"),
        ("a: 1\na: 2\n", "globals.yml:2:1", "'a' is given twice"),
        ("a:\n  b: 1\n  b: 1\n", "globals.yml:3:3", "first given in line 2"),
    ],
)
def test_mistakes_name_line_and_column(text: str, place: str, words: str):
    with pytest.raises(InputError) as caught:
        yamlfile.parse(text, FILE)
    assert str(caught.value).startswith(f"{place}: ")
    assert words in str(caught.value)


def test_anchors_that_hold_themselves():
    document = yamlfile.parse("a: &a [1, *a]\nb: *a\n", FILE)
    assert document.line(["b", 1, 1, 0]) == 1


def test_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        yamlfile.load(tmp_path / "globals.yml")


def test_file_that_is_not_text(tmp_path: Path):
    path = tmp_path / "globals.yml"
    path.write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(InputError, match="cannot be read"):
        yamlfile.load(path)


WRITTEN = """\
# Whose cloud this is.
cloud_name: mine  # never change it
proxies:   # both
  - one
  # and
  - two

# What servers are.
text: |
  # no comment
  last
flow: {a: 1}
nothing:
end: "1"
"""


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ({"cloud_name": "theirs"}, "cloud_name: mine  #", "cloud_name: theirs  #"),
        ({"proxies": []}, "proxies:   # both\n  - one\n  # and\n  - two\n", "proxies: []\n"),
        ({"text": "x"}, "text: |\n  # no comment\n  last\n", "text: x\n"),
        ({"flow": {"b": ["x"]}}, "flow: {a: 1}", "flow:\n  b:\n  - x"),
        ({"nothing": 7}, "nothing:\n", "nothing: 7\n"),
        ({"end": 1}, 'end: "1"\n', "end: 1\n"),
        ({"new": {"a": 1}}, 'end: "1"\n', 'end: "1"\nnew:\n  a: 1\n'),
        ({"end": "1", "cloud_name": "mine"}, "", ""),
    ],
)
def test_a_value_is_changed_where_it_stands(values: dict[str, Any], old: str, new: str) -> None:
    assert yamlfile.with_values(WRITTEN, FILE, values) == WRITTEN.replace(old, new)


@pytest.mark.parametrize(
    "text", ["", "# only a comment", "a: &x 1\nb: *x\n", "{a: 1, b: 2}\n", "<<: {a: 2}\n"]
)
def test_any_mapping_takes_values(text: str) -> None:
    document = yamlfile.parse(yamlfile.with_values(text, FILE, {"a": 5, "c": [1]}), FILE)
    assert document.data == {**(yamlfile.parse(text, FILE).data or {}), "a": 5, "c": [1]}


def test_a_list_takes_no_values() -> None:
    with pytest.raises(InputError, match="not a mapping"):
        yamlfile.with_values("- a\n", FILE, {"a": 1})


KEYS = st.sampled_from(["a", "b", "c d", "true", "#e"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4))
def test_changed_values_are_read_back(before: dict[str, Any], values: dict[str, Any]) -> None:
    text = "# Why.\n" + yamlfile.dump(before)
    changed = yamlfile.with_values(text, FILE, values)
    assert yamlfile.parse(changed, FILE).data == {**before, **values}
    assert changed == text or yamlfile.changed_keys(before, values)
