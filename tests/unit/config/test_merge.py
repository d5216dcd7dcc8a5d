import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kolla.catalogue.model import ConfigFile
from kolla.config.merge import Layer, file_format, keys, merge
from kolla.errors import InputError

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)
INI = st.dictionaries(
    st.sampled_from(["", "DEFAULT", "token"]),
    st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("123"), min_size=1, max_size=2)),
    max_size=3,
).map(
    lambda sections: "".join(
        (f"[{name}]\n" if name else "") + "".join(f"{k} = {v}\n" for k, vs in ks.items() for v in vs)
        for name, ks in sorted(sections.items())
    )
)


def layers(*texts: str) -> list[Layer]:
    return [Layer(f"layer {number}", text) for number, text in enumerate(texts)]


def test_ini_replaces_keys_and_keeps_repeats_and_order():
    merged = merge(
        "oslo",
        [
            Layer(
                "template", "[DEFAULT]\ndebug = false\ndriver = a\ndriver = b\n[token]\nexpiration = 3600\n"
            ),
            Layer("config/global.conf", "[new]\nx = 1\n[DEFAULT]\ndebug = true\n"),
            Layer("config/keystone.conf", "[DEFAULT]\ndriver = c\n[token]\nprovider = fernet\n"),
        ],
    )
    assert merged.text == (
        "[DEFAULT]\ndebug = true\ndriver = c\n\n"
        "[token]\nexpiration = 3600\nprovider = fernet\n\n"
        "[new]\nx = 1\n"
    )
    assert merged.origins == {
        "[DEFAULT] debug": "config/global.conf",
        "[DEFAULT] driver": "config/keystone.conf",
        "[token] expiration": "template",
        "[token] provider": "config/keystone.conf",
        "[new] x": "config/global.conf",
    }


def test_keys_without_value_only_outside_oslo():
    assert merge("ini", layers("[mysqld]\nskip-name-resolve\n")).text == "[mysqld]\nskip-name-resolve\n"
    with pytest.raises(InputError, match=r"/etc/kolla/config/keystone.conf:2: "):
        merge("oslo", [Layer("config/keystone.conf", "[a]\nb\n", Path("/etc/kolla/config/keystone.conf"))])


def test_keys_before_any_section_stay_first():
    assert merge("ini", layers("[a]\nx = 1\n", "early = 1\n")).text == "early = 1\n\n[a]\nx = 1\n"


def test_yaml_merges_mappings_and_replaces_lists():
    merged = merge("yaml", layers("a: {x: 1, y: [1, 2]}\nb: 1\n", "", "a: {y: [3], z: {}}\nc: 2\n"))
    assert yaml.safe_load(merged.text) == {"a": {"x": 1, "y": [3], "z": {}}, "b": 1, "c": 2}
    assert merged.text == "a:\n  x: 1\n  y:\n  - 3\n  z: {}\nb: 1\nc: 2\n"
    assert merged.origins == {
        "a.x": "layer 0",
        "a.y": "layer 2",
        "a.z": "layer 2",
        "b": "layer 0",
        "c": "layer 2",
    }


def test_a_mapping_that_is_replaced_leaves_no_origins():
    assert merge("yaml", layers("a: {x: 1}\n", "a: 1\n")).origins == {"a": "layer 1"}
    assert merge("yaml", layers("a: 1\n", "a: {x: 1}\n")).origins == {"a.x": "layer 1"}


def test_json():
    merged = merge("json", layers('{"a": {"x": 1}}', '{"a": {"y": "ä"}}'))
    assert json.loads(merged.text) == {"a": {"x": 1, "y": "ä"}}
    assert merged.text == '{\n  "a": {\n    "x": 1,\n    "y": "ä"\n  }\n}\n'


def test_text_is_the_last_layer():
    assert merge("text", layers("a\n", "b\n")).text == "b\n"
    assert merge("text", layers("a\n", "b\n")).origins == {"": "layer 1"}


@pytest.mark.parametrize("format", ["oslo", "ini", "yaml", "json", "text"])
def test_no_layers_and_empty_layers(format: str):
    assert merge(format, []).text == ""
    assert merge(format, layers("", "")).text == ""


@pytest.mark.parametrize(
    ("format", "text", "place"),
    [
        ("yaml", "a: 1\nb: [\n", "layer 1:3:1"),
        ("json", '{\n"a": }', "layer 1:2:6"),
        ("ini", "a=1\n[x", "layer 1:2"),
    ],
)
def test_mistakes_name_the_layer_and_line(format: str, text: str, place: str):
    with pytest.raises(InputError) as caught:
        merge(format, layers("", text))
    assert str(caught.value).startswith(f"{place}: not ")


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_a_key_given_twice_is_not_lost(format: str):
    with pytest.raises(InputError, match=r"^layer 1.*the key 'a' is given twice"):
        merge(format, layers("", '{"b": {"a": 1,\n"a": 2}}'))


@pytest.mark.parametrize(
    ("name", "format", "found"),
    [
        ("a.ini", None, "ini"),
        ("a.yml", None, "yaml"),
        ("a.yaml", None, "yaml"),
        ("a.json", None, "json"),
        ("a.conf", None, "text"),
        ("a.conf", "oslo", "oslo"),
        (".erlang.cookie", None, "text"),
    ],
)
def test_format_of_a_file(name: str, format: Any, found: str):
    assert file_format(name, ConfigFile(to="/etc/", format=format)) == found


def test_keys_of_each_format():
    assert keys("ini", "[a]\nx = 1\nx = 2\nalone\n", Path("f")) == {"[a] x": "1, 2", "[a] alone": ""}
    assert keys("yaml", "a: {b: [1], c: x}\n", Path("f")) == {"a.b": "[1]", "a.c": "x"}
    assert keys("text", "x\ny\n", Path("f")) == {"line 1": "x", "line 2": "y"}


@settings(max_examples=50)
@given(st.lists(INI, min_size=3, max_size=3))
def test_ini_merging_is_associative_and_idempotent(texts: list[str]):
    a, b, c = texts
    everything = merge("ini", layers(a, b, c)).text
    assert merge("ini", layers(merge("ini", layers(a, b)).text, c)).text == everything
    assert merge("ini", layers(everything, everything)).text == everything
    assert merge("ini", layers(everything)).text == everything


@settings(max_examples=50)
@given(st.lists(MAPPINGS, min_size=3, max_size=3), st.sampled_from(["yaml", "json"]))
@example([{}, {}, {"a": "\x85\u2028"}], "yaml")
def test_tree_merging_is_idempotent_and_every_leaf_has_an_origin(trees: list[Any], format: str):
    texts = [json.dumps(tree) if format == "json" else yaml.safe_dump(tree) for tree in trees]
    merged = merge(format, layers(*texts))
    assert merge(format, layers(merged.text, merged.text)).text == merged.text
    assert set(merged.origins) == set(keys(format, merged.text, Path("f")))
    last = keys(format, texts[-1], Path("f"))
    assert {key for key, name in merged.origins.items() if name == "layer 2"} <= set(last)
    for key, value in last.items():
        # An empty mapping over another mapping changes nothing.
        assert not trees[-1] or value == "{}" or merged.origins[key] == "layer 2"
