"""Something of the other configuration that is not simply carried over."""

from __future__ import annotations

from dataclasses import dataclass

from kolla.errors import InputError, Location


@dataclass(frozen=True)
class Finding:
    """What, where, why, and what to do."""

    what: str
    """A key, a file, a group."""
    where: Location | None
    why: str
    instead: str = ""
    must: bool = False
    """Nothing should be deployed before somebody decided."""

    @classmethod
    def of(cls, error: InputError, what: str) -> Finding:
        """What our own checks say of a value."""
        told = [f"expected: {error.expected}" if error.expected else "", error.hint or ""]
        instead = "; ".join(filter(None, told)) or "left out; write the value itself"
        return cls(what, error.where, error.what, instead, must=True)
