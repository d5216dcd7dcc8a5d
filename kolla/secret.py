"""Secrets are a type of their own, so that they cannot slip into a plan, a log or a label."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

MASK = "***"


@dataclass
class Exposure:
    """What a `revealing()` block saw."""

    secrets: set[str] = field(default_factory=set)

    @property
    def happened(self) -> bool:
        """Whether any secret was revealed inside the block."""
        return bool(self.secrets)


_exposure: ContextVar[Exposure | None] = ContextVar("kolla_secret_exposure", default=None)


class Secret:
    """A value that shows itself only inside `revealing()`.

    Everywhere else `str()`, formatting and `repr()` give `***`, so a forgotten secret in a message
    is harmless. There is deliberately no equality with plain strings.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it only where the value leaves for its destination."""
        exposure = _exposure.get()
        if exposure is not None:
            exposure.secrets.add(self._value)
        return self._value

    def __str__(self) -> str:
        return self.reveal() if _exposure.get() is not None else MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))


@contextlib.contextmanager
def revealing() -> Iterator[Exposure]:
    """Within the block `str(secret)` is the value; the yielded Exposure knows which were shown.

    Rendering a template runs inside such a block: what comes out is as secret as what went in.
    """
    exposure = Exposure()
    token = _exposure.set(exposure)
    try:
        yield exposure
    finally:
        _exposure.reset(token)


def masked(text: str) -> str:
    """`text`, for a message, without the secrets that were shown so far in this `revealing()` block."""
    exposure = _exposure.get()
    for secret in sorted(exposure.secrets, key=len, reverse=True) if exposure else ():
        text = text.replace(secret, MASK)
    return text
