"""globals, passwords, inventory and override files: one validated, immutable object."""

from kolla.settings.scope import Scope
from kolla.settings.settings import Settings, load

__all__ = ["Scope", "Settings", "load"]
