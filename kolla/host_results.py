"""What the verbs about hosts are told and return: first what is going to be done, then what was done."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Removal:
    """How a host is taken out of the cloud."""

    drain: bool = False
    """What is on it moves elsewhere first."""
    off: bool = False
    """It is off, and does not come back as it was: what was on it is made again elsewhere."""
    volumes: bool = False
    """Its data goes as well."""


class Part(Protocol):
    """What one step came to."""

    @property
    def exit_code(self) -> int:
        """0 when it succeeded."""

    def to_json(self) -> Any:
        """A document."""

    def text(self) -> str:
        """What to print."""


@dataclass(frozen=True)
class Step:
    """One step of a change of hosts."""

    what: str
    """In a few words, or the verb that does the same."""
    detail: str
    """What that means; may be empty."""
    act: Callable[[], Part]
    """Does it."""


@dataclass(frozen=True)
class HostChanged:
    """What a verb about hosts did, step by step; the last one is the one that failed, if any did."""

    steps: tuple[tuple[str, Part], ...]
    """What was done, and what it came to."""
    advice: str = ""
    """What to do now."""

    @property
    def exit_code(self) -> int:
        """That of the step that failed; 0 when none did."""
        return next((part.exit_code for _, part in self.steps if part.exit_code), 0)

    def to_json(self) -> Any:
        """The steps and what each came to."""
        steps = [
            {"step": what, "exit_code": part.exit_code, "result": part.to_json()} for what, part in self.steps
        ]
        return {"steps": steps, "advice": self.advice}

    def text(self) -> str:
        """Each step under its name."""
        lines = []
        for what, part in self.steps:
            lines += [f"{what}:", textwrap.indent(part.text(), "  ")]
        return "\n".join([*lines, *([self.advice] if self.advice else [])])


@dataclass(frozen=True)
class HostChange:
    """What a verb about hosts is going to do. Nothing is touched before `carry_out`."""

    title: str
    steps: tuple[Step, ...]
    advice: str = ""
    """What to do afterwards."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps

    def text(self) -> str:
        """The steps, numbered."""
        lines = [self.title]
        for number, step in enumerate(self.steps, 1):
            lines += ["", f"{number}. {step.what}"]
            lines += [textwrap.indent(step.detail, "   ")] if step.detail else []
        return "\n".join([*lines, *(["", f"Afterwards: {self.advice}"] if self.advice else [])])

    def carry_out(self) -> HostChanged:
        """Do one step after the other; none after one that failed. InputError when what a step was shown to
        do is not what it would do by now."""
        done: list[tuple[str, Part]] = []
        for step in self.steps:
            done.append((step.what, step.act()))
            if done[-1][1].exit_code:
                return HostChanged(tuple(done), "What was done stays so. Mend the cause, then run it again.")
        return HostChanged(tuple(done), self.advice)
