"""What a service adds to `globals.yml` and `passwords.yml`."""

from __future__ import annotations

from typing import Any, Literal

from kolla.catalogue.model.words import Key, Model


class Field(Model):
    """What each mapping in a list has under one name."""

    type: Literal["string", "port", "name", "group"] = "string"
    """What values it takes: `name` can be part of the names of containers, and no two items have the same;
    `group` is a group of the inventory that has hosts."""
    default: Any = None
    """What an item has that does not say; without one, each has to say."""


class Setting(Model):
    """A key of `globals.yml` (or, when its scope is `host`, of the inventory as well)."""

    type: Literal[
        "string", "boolean", "integer", "number", "port", "address", "network", "list", "mapping", "path"
    ] = "string"
    """What values it takes; docs/reference/settings.md says more."""
    default: Any = None
    """May be an expression over other keys. Without one the key has no value until somebody sets it."""
    description: str
    """One sentence or two, for the reference and the sample file."""
    scope: Literal["cloud", "host"] = "cloud"
    """`host`: may differ from host to host, and is then set in the inventory."""
    choices: tuple[str, ...] = ()
    """The only values allowed."""
    gone: dict[str, str] = {}
    """Values that people may know from elsewhere and that are refused -> why, in a few words."""
    minimum: int | None = None
    """Of an integer or a number: the least that is allowed."""
    required: bool = False
    """Nothing is deployed before it has a value."""
    fields: dict[Key, Field] = {}
    """Of a list of mappings: what each of them has, and nothing else."""


class Password(Model):
    """A key of `passwords.yml`, and how `kolla genpwd` makes it."""

    kind: Literal["password", "uuid", "hex_key", "fernet_key", "erlang_cookie", "ssh_key", "cephx_key"] = (
        "password"
    )
    """40 letters and digits; or what else is to be made (`hex_key`: 32 hexadecimal digits)."""
    description: str
    """What it opens."""
