"""A change of the OpenStack release."""

from __future__ import annotations

from kolla.catalogue.model import Model


class ReleaseChange(Model):
    """An upgrade from one OpenStack release to another."""

    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.before} -> {self.after}"
