from kolla.catalogue import reference
from kolla.catalogue.model import Container, Service


def test_every_word_has_a_row():
    text = reference.text()
    for model in (Service, Container):
        section = text.split(f"## {model.__name__}\n")[1].split("\n## ")[0]
        for word in model.model_fields:
            assert f"| `{word}` | " in section


def test_every_word_is_explained():
    for line in reference.text().splitlines():
        if line.startswith("| `"):
            assert line.split("|")[-2].strip(), f"no docstring: {line}"


def test_types_and_defaults_in_words():
    rows = reference.text().splitlines()
    assert any(row.startswith("| `name` | name | required |") for row in rows)
    assert any(row.startswith("| `packages` | platform: list of package |  |") for row in rows)
    assert any(row.startswith("| `containers` | name: [Container](#container) |") for row in rows)
    assert any(row.startswith("| `read_only` | true or false | `false` |") for row in rows)
    assert any(row.startswith("| `roles` | list of text | `admin`, `service` |") for row in rows)
