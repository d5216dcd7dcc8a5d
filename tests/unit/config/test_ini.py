from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kolla.config import ini
from kolla.errors import InputError
from kolla.secret import Secret, revealing

FILE = Path("keystone.conf")

KEYS = st.from_regex(r"[a-z!][a-z_ .-]{0,6}[a-z]", fullmatch=True)
LINES = st.from_regex(r"[a-z0-9'\"#;\[\]=:%$]([a-z0-9 =:#,]*[a-z0-9])?", fullmatch=True)
VALUES = st.none() | st.builds(
    lambda first, more: "\n".join([first, *more]), st.just("") | LINES, st.lists(LINES, max_size=2)
)
SECTIONS = st.from_regex(r"[A-Za-z:\]#][a-z_:. \]-]{0,6}", fullmatch=True)
ENTRIES = st.dictionaries(KEYS, st.lists(VALUES, min_size=1, max_size=3), max_size=4)
FILES = st.dictionaries(SECTIONS, ENTRIES, max_size=4)


def parse(text: str, **named: bool) -> ini.Sections:
    return ini.parse(text, FILE, **named)


def test_everything_there_is():
    text = (
        "early = 1\n"
        "# a comment\n"
        "[DEFAULT]\n"
        "transport_url: rabbit://a=b\n"
        "url = http://x:1\n"
        "driver = one\n"
        "; another\n"
        "driver = two\n"
        "long = first\n"
        "    second\n"
        "\tthird   \n"
        "empty =\n"
        "\n"
        "[mysqld]\n"
        "skip-name-resolve\n"
        "[DEFAULT]\n"
        "late = 1\n"
    )
    assert parse(text) == {
        "": {"early": ["1"]},
        "DEFAULT": {
            "transport_url": ["rabbit://a=b"],
            "url": ["http://x:1"],
            "driver": ["one", "two"],
            "long": ["first\nsecond\nthird"],
            "empty": [""],
            "late": ["1"],
        },
        "mysqld": {"skip-name-resolve": [None]},
    }


def test_what_is_written():
    sections: ini.Sections = {
        "a": {"x": ["1", "2"], "long": ["first\nsecond"], "alone": [None], "empty": [""]},
        "": {"early": ["'quoted '"]},
        "nothing": {},
    }
    assert ini.write(sections) == (
        "early = 'quoted '\n\n[a]\nx = 1\nx = 2\nlong = first\n    second\nalone\nempty =\n\n[nothing]\n"
    )
    assert ini.write({}) == ""


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[a]\n\n  x = 1\n", 3, "an indented line continues"),
        ("[a]\nx = 1\n\n  y = 1\n", 4, "an indented line continues"),
        ("[a]\n# x\n  y = 1\n", 3, "an indented line continues"),
        ("[a\n", 1, "not a section"),
        ("x = 1\n[]\n", 2, "not a section"),
        ("= 1\n", 1, "there is no key"),
        ("[a]\nalone\n  more\n", 3, "an indented line continues"),
    ],
)
def test_mistakes_name_the_line(text: str, line: int, said: str):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"keystone.conf:{line}: {said}")


def test_keys_alone_are_refused_where_oslo_reads():
    with pytest.raises(InputError, match=r"keystone.conf:2: neither a section nor a key: alone"):
        parse("[a]\nalone\n", bare_keys=False)


def test_a_line_that_is_refused_does_not_show_a_secret():
    with revealing(), pytest.raises(InputError, match=r"neither a section nor a key: my \*\*\*\n"):
        parse(f"[a]\nmy {Secret('hunter22')}\n", bare_keys=False)


@settings(max_examples=50)
@given(FILES)
def test_what_is_written_is_read_back(sections: ini.Sections):
    assert parse(ini.write(sections)) == {name: keys for name, keys in sections.items()}


@given(st.text(st.sampled_from("ab=: \t\n[]#;'\"")))
def test_any_text_is_refused_or_stable(text: str):
    try:
        sections = parse(text)
    except InputError:
        return
    assert parse(ini.write(sections)) == sections
    assert ini.write(parse(ini.write(sections))) == ini.write(sections)
