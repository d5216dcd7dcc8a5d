from kolla.config.diff import Change, changes
from kolla.config.merge import Layer, Merged, merge


def merged(format: str, *texts: str) -> Merged:
    names = ["template", "config/keystone.conf"]
    return merge(format, [Layer(name, text) for name, text in zip(names, texts, strict=False)])


def said(format: str, old: str, *texts: str) -> list[str]:
    return [str(change) for change in changes(format, old, merged(format, *texts))]


def test_ini_key_by_key():
    old = "[token]\nexpiration = 3600\ngone = 1\n"
    assert said("oslo", old, "[token]\nexpiration = 3600\n", "[token]\nexpiration = 7200\nadded =\n") == [
        "[token] expiration 3600 -> 7200, set by config/keystone.conf",
        "[token] added unset -> (empty), set by config/keystone.conf",
        "[token] gone 1 -> unset",
    ]


def test_layout_and_comments_are_no_change():
    assert said("oslo", "# old\n[a]\nx=1\n", "[a]\nx = 1\n") == []
    assert said("yaml", "{a: 1}", "a: 1\n") == []


def test_yaml_by_path():
    assert said("yaml", "a: {b: [1]}\n", "a: {b: [1, 2]}\n") == ["a.b [1] -> [1, 2], set by template"]


def test_of_lists_of_mappings_only_what_went_and_came():
    old = '{"files": [{"a": 1}, {"b": 2}]}'
    assert said("json", old, '{"files": [{"a": 1}, {"c": 3}]}') == [
        'files - {"b": 2}, + {"c": 3}, set by template'
    ]
    assert said("json", old, '{"files": [{"a": 1}]}') == ['files - {"b": 2}, set by template']
    # Another order alone, or another kind of value, is shown as it is.
    assert said("json", old, '{"files": [{"b": 2}, {"a": 1}]}') == [
        'files [{"a": 1}, {"b": 2}] -> [{"b": 2}, {"a": 1}], set by template'
    ]
    assert said("json", old, '{"files": "none"}') == ['files [{"a": 1}, {"b": 2}] -> none, set by template']


def test_text_line_by_line():
    assert said("text", "a\nb\nc\n", "a\nx\nc\nd\n") == [
        "line 2 b -> x, set by template",
        "line 4 unset -> d, set by template",
    ]
    assert said("text", "a\nb\n", "a\n") == ["line 2 b -> unset, set by template"]


def test_a_new_file_has_nothing_to_compare():
    assert changes("oslo", None, merged("oslo", "[a]\nx = 1\n")) == ()


def test_a_file_broken_by_hand_is_compared_line_by_line():
    found = changes("oslo", "[a\n", merged("oslo", "[a]\n"))
    assert found == (Change("line 1", "[a", "[a]", None),)


def test_values_of_several_lines_stay_on_one():
    assert said("ini", "[a]\nx = 1\n", "[a]\nx = 1\n  2\n") == ["[a] x 1 -> 1 2, set by template"]
