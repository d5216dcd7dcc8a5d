"""The kinds of names in a `service.yml`, and what all its parts have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _specifier(text: str) -> str:
    # Few need it, and it takes milliseconds of every command.
    from packaging.specifiers import SpecifierSet

    SpecifierSet(text)
    return text


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Volume = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Mode = Annotated[str, Field(pattern=r"^0[0-7]{3}$")]
Absolute = Annotated[str, Field(pattern=r"^/")]
Directory = Annotated[str, Field(pattern=r"^/|\{\{.*\}\}")]
Device = Annotated[str, Field(pattern=r"^/dev/[^:]+$|\{\{.*\}\}")]
Module = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Sysctl = Annotated[str, Field(pattern=r"^[a-z]+[.][^=\s]+$")]
Platform = Annotated[str, Field(pattern=r"^[a-z]+(-[0-9.]+)?$")]
Pair = Annotated[str, Field(pattern=r"^[0-9]{4}[.][12] -> [0-9]{4}[.][12]$")]
Package = Annotated[str, Field(pattern=r"^-?[a-zA-Z0-9][a-zA-Z0-9+._-]*$")]
Packages = tuple[Package, ...]
Versions = Annotated[str, AfterValidator(_specifier)]
"""A version specifier, as `>=28.0`."""
UpdateOrder = Literal["stop-first", "start-first", "ready-first"]
"""When a container is stopped for a new one in its place (`Container.update_order`)."""
Amount = int | str
Expression = str
"""A string that may hold Jinja."""
Parents = Annotated[
    tuple[Name, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
]
"""A name, or several."""


class Model(BaseModel):
    """Immutable, and strict about names it does not know. What it refuses may be a host's answer with
    secrets in it, so the text of its errors does not show values."""

    # A run uses few of the models there are: each is built when it is first used, not when it is imported.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


FIRST = "first"
"""In `after` of a container: the same one on another host (`Container.after` says which)."""


class Capability(StrEnum):
    """What one service can offer another; Python knows these and no service by name."""

    DATABASE = "database"
    MESSAGE_BUS = "message_bus"
    CACHE = "cache"
    IDENTITY = "identity"
    PROXY = "proxy"
    IMAGE = "image"
    PLACEMENT = "placement"
    NETWORK = "network"
    COMPUTE = "compute"
    SWITCH = "switch"
    """Virtual switches on the hosts themselves (Open vSwitch)."""
    OVERLAY = "overlay"
    """Virtual networks across hosts (OVN)."""
    STORAGE = "storage"
    """Pools of storage that hosts share (Ceph)."""
