"""Programs of images that check configuration."""

import json

from kolla.images.trials import refusal

from .conftest import FakeEngine

FOLDER = {"config.json": json.dumps({"command": "program --check"}), "file": "secret"}


def said(status: int | None, printed: str) -> str | None:
    return refusal(FakeEngine(answer=(status, printed)), "sha256:a", FOLDER)


def test_status_0_is_fine_whatever_is_printed() -> None:
    assert said(0, "[ERROR] not really\n") is None


def test_complaints_are_told_alone_and_once() -> None:
    text = "help\n" * 3000 + "2026-11-20 0 [ERROR] unknown variable\n[ERROR] b\n[ERROR] b\nbye\n"
    assert said(7, text) == "2026-11-20 0 [ERROR] unknown variable\n[ERROR] b"


def test_without_complaints_the_last_lines_are_told() -> None:
    assert said(1, "\n".join("abcdefgh")) == "d\ne\nf\ng\nh"
    assert said(2, "") == "it ended with status 2"


def test_a_program_that_does_not_end_is_told() -> None:
    assert said(None, "starting\n") == "it did not end within 60 s\nstarting"


def test_the_content_of_files_is_on_no_command_line() -> None:
    engine = FakeEngine(answer=(0, ""))
    refusal(engine, "sha256:a", FOLDER)
    assert "secret" not in " ".join(engine.ran[0])
