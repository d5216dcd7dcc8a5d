"""Deriving the desired state: a pure function of settings, catalogue, build report and host facts."""

from kolla.state.derive.cloud import desire

__all__ = ["desire"]
