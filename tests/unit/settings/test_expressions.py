from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kolla.errors import InputError, Location
from kolla.secret import MASK, Secret, revealing
from kolla.settings.expressions import FILTERS, UndefinedVariable, evaluate, render, resolve

WHERE = Location(Path("keystone.conf.j2"))


class Lazy(dict[str, Any]):
    """Fails for names nobody should look up."""

    def __getitem__(self, name: str) -> Any:
        if name == "never":
            raise AssertionError("looked up")
        return super().__getitem__(name)


@dataclass(frozen=True)
class Thing:
    port: int
    _hidden: str = "x"


def test_only_used_names_are_looked_up():
    scope = Lazy(a=1, never=2)
    assert render("{{ a }}", scope, WHERE) == "1"
    assert evaluate("{{ a }}", scope, WHERE) == 1
    with pytest.raises(AssertionError):
        render("{{ never }}", scope, WHERE)


def test_layout_is_kept_and_block_lines_vanish():
    text = "[a]\n{% for n in range(2) %}\n  {% if n %}\nx = {{ n }}\n  {% endif %}\n{% endfor %}\n"
    assert render(text, {}, WHERE) == "[a]\nx = 1\n"
    assert render("<&>", {}, WHERE) == "<&>"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ 5000 }}", 5000),
        ("5000", 5000),
        ("-1", -1),
        ("0", 0),
        ("007", "007"),
        ("true", True),
        ("False", False),
        ("{{ 'true' }}", "true"),
        ("{{ 1 == 1 }}", True),
        ("{{ [1, 'a'] }}", [1, "a"]),
        ("{{ number }}", 7),
        ("{{ number }}{{ number }}", 77),
        ("a{{ number }}", "a7"),
        ("{% if number %}true{% endif %}", True),
        ("{{ none }}", None),
        ("", ""),
    ],
)
def test_values_keep_their_type(text: str, value: Any):
    found = evaluate(text, {"number": 7}, WHERE)
    assert found == value
    assert type(found) is type(value)


def test_values_of_settings_files_stay_as_written_unless_they_are_expressions():
    assert resolve("5000", {}, WHERE) == "5000"
    value = {"a": ["{{ n }}", "x{{ n }}", 3], "b": None}
    assert resolve(value, {"n": 1}, WHERE) == {"a": [1, "x1", 3], "b": None}


def test_objects_are_seen_by_attribute_but_not_inside():
    assert render("{{ thing.port }}", {"thing": Thing(1)}, WHERE) == "1"
    for text in ("{{ thing.__class__ }}", "{{ thing._hidden }}", "{{ ''.__class__.__mro__ }}"):
        with pytest.raises(InputError):
            render(text, {"thing": Thing(1)}, WHERE)


def test_nothing_can_be_changed_by_a_template():
    names = ["a"]
    with pytest.raises(InputError, match=r"unsafe|not safely callable"):
        render("{{ names.append('b') }}", {"names": names}, WHERE)
    assert names == ["a"]


def test_undefined_variable_names_line_and_nearest():
    with pytest.raises(UndefinedVariable) as caught:
        render("[a]\n\nx = {{ keystone_prot }}\n", {"keystone_port": 1}, WHERE)
    assert str(caught.value) == (
        "keystone.conf.j2:3: the variable 'keystone_prot' is not defined\n"
        "  hint: did you mean 'keystone_port'?"
    )


@pytest.mark.parametrize("text", ["{{ x }}", "{{ x }}{{ x }}", "{% if x %}{% endif %}", "{{[x] | to_json}}"])
def test_undefined_is_never_silent(text: str):
    with pytest.raises(UndefinedVariable):
        evaluate(text, {}, WHERE)


def test_undefined_can_be_asked_for():
    assert render("{{ x is defined }}{{ x | default(1) }}", {}, WHERE) == "False1"


def test_undefined_attribute_names_the_nearest():
    with pytest.raises(UndefinedVariable) as caught:
        render("{{ thing.prot }}", {"thing": Thing(1)}, WHERE)
    assert "the variable has no 'prot'" in str(caught.value)
    assert "did you mean 'port'?" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\n{{ 1 + }}", 12, "not a valid template"),
        ("\n\n{% if a %}", 13, "endif"),
        ("\n{{ 1 / 0 }}", 12, "division by zero"),
        ("\n{{ 1 | no_such_filter }}", 12, "no_such_filter"),
        ("{{ 'a' + 1 }}", 11, "cannot be rendered"),
        ("{{ 'maybe' | bool }}", 11, "true or false"),
        ("{% include '/etc/passwd' %}", 11, "cannot be rendered"),
    ],
)
def test_mistakes_name_the_line(text: str, line: int, said: str):
    with pytest.raises(InputError) as caught:
        render(text, {}, Location(Path("globals.yml"), 11))
    assert str(caught.value).startswith(f"globals.yml:{line}: ")
    assert said in str(caught.value)


def test_filters_are_a_fixed_set():
    for name in ("attr", "pprint", "tojson", "safe", "random"):
        assert name not in FILTERS
        with pytest.raises(InputError):
            render("{{ 'a' | " + name + " }}", {}, WHERE)


def test_json_and_yaml_of_nested_things():
    scope = {"value": {"a": [1, True, None, "ä"], "secret": Secret("pw")}}
    with revealing():
        text = render("{{ value | to_json }}", scope, WHERE)
        assert text == '{"a": [1, true, null, "ä"], "secret": "pw"}'
        assert render("{{ value | to_yaml }}", scope, WHERE) == ("a:\n- 1\n- true\n- null\n- ä\nsecret: pw\n")
    assert MASK in render("{{ value | to_json }}", scope, WHERE)


@pytest.mark.parametrize(
    "text",
    ["{{ pw }}", "{{ pw ~ '' }}", "{{ '%s' | format(pw) }}", "{{ pw | urlencode }}", "{{ [pw] | join }}"],
)
def test_secrets_show_only_when_revealed(text: str):
    assert "hunter" not in render(text, {"pw": Secret("hunter")}, WHERE)
    with revealing() as exposure:
        assert render(text, {"pw": Secret("hunter")}, WHERE) == "hunter"
    assert exposure.secrets == {"hunter"}


def test_a_secret_cannot_be_asked_to_show_itself():
    with pytest.raises(InputError, match="access to attribute 'reveal'"):
        render("{{ password.reveal() }}", {"password": Secret("hunter22")}, WHERE)


def test_a_macro_that_calls_itself():
    with pytest.raises(InputError, match="cannot be rendered: maximum recursion depth"):
        render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", {}, WHERE)


def test_what_is_made_of_a_secret_is_one():
    scope = {"pw": Secret("hunter")}
    assert resolve("{{ pw }}", scope, WHERE) == Secret("hunter")
    assert resolve("x{{ pw }}", scope, WHERE) == Secret("xhunter")
    assert resolve("{{ {'a': [pw ~ 1]} }}", scope, WHERE) == {"a": [Secret("hunter1")]}
    assert resolve("{{ 'x' }}", scope, WHERE) == "x"
