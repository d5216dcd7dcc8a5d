"""What a service does on the way from one release to another."""

from __future__ import annotations

from kolla.catalogue.model.job import Job
from kolla.catalogue.model.words import Model, Name, Pair


class Return(Model):
    """Whether a service can go back to the older release of a pair before the upgrade is finished."""

    safe: bool
    """True: the older release runs with what the newer one left, and nothing is lost."""
    because: str
    """Why, in one sentence."""


class Upgrade(Model):
    """What happens to a service between two OpenStack releases, besides the swap of its containers."""

    checks: dict[Name, Job] = {}
    """Run with the new images before anything is changed. One that fails stops the upgrade."""
    expand: dict[Name, Job] = {}
    """Jobs done with the new images before containers are swapped: the older release still runs with what
    they leave."""
    postponed: tuple[Name, ...] = ()
    """Jobs of the service that wait for `kolla upgrade --finish`, as they take away what the older release
    needs, or are not for it to repeat. Whoever waits for them waits for those of `expand` meanwhile, after a
    rollback for those of `back`."""
    finish: dict[Name, Job] = {}
    """Jobs of `kolla upgrade --finish`, besides those postponed to it: migrations of data."""
    back: dict[Name, Job] = {}
    """Jobs of a rollback, done with the older images before the older containers start. Never a schema's."""
    after: dict[Name, tuple[str, ...]] = {}
    """Container -> what must run the new release first, besides what it waits for always; words as for
    containers."""
    releases: dict[Pair, Return] = {}
    """`2025.2 -> 2026.1` -> whether and why one can go back. A pair that is not named is not known to be
    safe."""
