"""Asking images for their configuration options, and keeping the answers."""

import json
from pathlib import Path

from oslo_config import cfg

from kolla.catalogue import loader
from kolla.catalogue.model import ConfigOptions, NamedSections
from kolla.images.inside.oslo_options import add, described
from kolla.images.option_schemas import reported, wanted

from .conftest import FakeEngine

WORDS = ConfigOptions(modules=("notes.privileged",), sections=(NamedSections(names=("a",)),))


def ask(
    engine: FakeEngine, directory: Path, identity: str = "1", words: ConfigOptions = WORDS
) -> dict[str, str]:
    return reported("notes", identity, "sha256:n", words, engine, directory)


def test_an_image_is_asked_once_for_each_identity_and_question(tmp_path: Path) -> None:
    engine = FakeEngine()
    first = ask(engine, tmp_path)
    assert ask(engine, tmp_path) == first
    assert engine.ran == [("sha256:n", "python3", "-", "notes.privileged")]
    assert json.loads((tmp_path / first["options"]).read_text())["sections"][0]["names"] == ["a"]
    assert ask(engine, tmp_path, identity="2")["options"] != first["options"]
    assert ask(engine, tmp_path, words=ConfigOptions())["options"] != first["options"]
    assert len(engine.ran) == 3


def test_only_the_last_line_is_the_answer(tmp_path: Path) -> None:
    engine = FakeEngine(answer=(0, 'a warning\n{"options": {}, "plugins": {}, "unread": {}}\n'))
    assert "options" in ask(engine, tmp_path)


def test_an_image_that_does_not_answer_has_no_schema_and_a_reason(tmp_path: Path) -> None:
    for answer, reason in (
        ((None, ""), "asking it for its options took too long"),
        ((1, "Traceback\nImportError: no\n"), "asking it for its options failed: ImportError: no"),
        ((0, "nothing"), "asking it for its options gave no answer: nothing"),
    ):
        assert ask(FakeEngine(answer=answer), tmp_path) == {"options_problem": reason}


def test_images_are_asked_in_which_files_of_the_format_are_read() -> None:
    found = wanted(loader.load())
    assert {"keystone", "nova-compute", "glance-api"} <= set(found)
    assert not {"mariadb", "haproxy", "kolla-toolbox", "base"} & set(found)
    assert "nova.privsep" in found["nova-compute"].modules  # of the image it is built from
    assert len(found["glance-api"].sections) > len(found["neutron"].sections) > 0


def test_an_option_is_described_without_what_is_usual() -> None:
    assert described(cfg.StrOpt("a_b")) == {"type": {"is": "String"}}
    assert described(cfg.IntOpt("a-b", min=0, deprecated_name="c", secret=True)) == {
        "name": "a-b",
        "type": {"is": "Integer", "min": 0},
        "secret": True,
        "deprecated": [[None, "c"]],
    }


def test_groups_of_other_case_are_the_same() -> None:
    found: dict[str, dict[str, object]] = {}
    add(found, "agent", [cfg.StrOpt("a")])
    add(found, "AGENT", [cfg.IntOpt("a"), cfg.StrOpt("b")])
    assert found == {"agent": {"a": {"type": {"is": "String"}}, "b": {"type": {"is": "String"}}}}
