"""The verbs that services have of their own."""

import pytest

SERVICE = """\
name: shapes
title: Shapes
enabled: true
users: {shapes: {uid: 43999, home: /x}}
images: {shapes: {user: shapes}}
containers: {shapes: {command: x}}
verbs:
  draw-shapes:
    description: Draw what there is.
    job: {container: shapes, command: [draw]}
  swap-shapes:
    description: Put others in their place.
    argument: {name: album, description: Those of which album.}
    job: {container: shapes, command: [swap], volumes: {shapes: /x}}
    replaces: [shapes]
    loses: loses what was drawn since
"""


@pytest.fixture
def shapes(tmp_path):
    """The folder of a service that has a verb."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "service.yml").write_text(SERVICE)
    return str(folder)


def test_the_verbs_of_a_service_are_verbs(kolla, script, shapes):
    for line in (["--service-path", shapes, "draw-shapes"], ["draw-shapes", "--service-path", shapes]):
        outcome = kolla(*line)
        assert (outcome.exit_code, outcome.err) == (0, "")
    assert script.calls == [("run_verb", ("draw-shapes",), {})] * 2
    assert "draw-shapes  " in kolla("--service-path", shapes, "--help").out
    assert "Draw what there is." in kolla("--service-path", shapes, "--help").out
    assert "Draw what there is." in kolla("--service-path", shapes, "draw-shapes", "--help").out


@pytest.mark.parametrize(
    ("name", "near"), [("draw-shape", "draw-shapes"), ("deplyo", "deploy"), ("qwertyuiop", None)]
)
def test_a_wrong_verb_is_near_one_of_ours_or_a_service_s(kolla, script, shapes, name, near):
    outcome = kolla("--service-path", shapes, name)
    assert (outcome.exit_code, outcome.out, script.calls) == (3, "", [])
    said = f"there is no verb '{name}'" + (f"; did you mean '{near}'?" if near else "")
    assert outcome.err == f"{said}\n  hint: see: kolla --help\n"


def test_a_verb_that_loses_something_asks_first_and_passes_on_what_is_said_to_it(kolla, script, shapes):
    line = ["--service-path", shapes, "swap-shapes", "old"]
    outcome = kolla(*line)
    assert (outcome.exit_code, script.calls) == (3, [])
    assert outcome.err == (
        "this loses what was drawn since\n  hint: if you mean it, add --yes-i-really-really-mean-it\n"
    )
    assert kolla(*line, "--yes-i-really-really-mean-it").exit_code == 0
    assert script.calls == [("run_verb", ("swap-shapes", "old"), {})]
    text = kolla("--service-path", shapes, "swap-shapes", "--help").out
    assert "swap-shapes [OPTIONS] [ALBUM]" in text
    assert "ALBUM: Those of which album." in text and "This loses what was drawn since" in text


@pytest.mark.parametrize("line", [["draw-shapes", "old"], ["swap-shapes", "old", "older"]])
def test_nobody_listens_to_too_many_words(kolla, script, shapes, line):
    outcome = kolla("--service-path", shapes, *line)
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "too many words: " in outcome.err


def test_a_broken_service_does_not_break_the_help(kolla, tmp_path):
    (tmp_path / "service.yml").write_text("nonsense")
    outcome = kolla("--service-path", str(tmp_path), "--help")
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert "  deploy " in outcome.out
