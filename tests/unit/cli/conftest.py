"""A cloud that does nothing but say what it was asked."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from kolla.cli.main import invoke
from kolla.events import Event

REALLY = "--yes-i-really-really-mean-it"


@dataclass
class Answer:
    document: Any = field(default_factory=list)
    exit_code: int = 0

    def to_json(self) -> Any:
        return self.document


@dataclass
class Script:
    """What the verbs of the cloud do next, and what they were called with."""

    result: Any = field(default_factory=Answer)
    error: BaseException | None = None
    refusals: dict[str, list[BaseException]] = field(default_factory=dict)
    """Verb -> what it raises in its first calls."""
    events: tuple[Event, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()

    class Cloud:
        def __init__(self, **given: Any) -> None:
            script.given = given

        def __getattr__(self, verb: str) -> Callable[..., Any]:
            def call(*arguments: Any, **keywords: Any) -> Any:
                script.calls.append((verb, arguments, keywords))
                for event in script.events:
                    script.given["progress"](event)
                if script.refusals.get(verb):
                    raise script.refusals[verb].pop(0)
                if script.error:
                    raise script.error
                return script.result

            return call

    api = ModuleType("kolla.api")
    api.Cloud = Cloud  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kolla.api", api)
    return script


@dataclass
class Outcome:
    exit_code: int
    out: str
    err: str


@pytest.fixture
def kolla(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command line as the entry point does."""

    def run(*arguments: str) -> Outcome:
        code = invoke(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
