"""Base distributions: what the builder must know of each, as data in `distributions.yml`."""

from __future__ import annotations

from importlib import resources
from typing import Literal

import yaml

from kolla.catalogue.model import Model
from kolla.errors import InputError, did_you_mean


class Distribution(Model):
    """One version of one distribution."""

    name: str
    """`debian-13`: used in tags, file names and cache ids."""
    family: Literal["debian"]
    codename: str
    """The suite on the package mirror."""
    python: str
    """Version of /usr/bin/python3 as `3.13`."""
    image: str
    """What to pull when the base is not bootstrapped."""

    @classmethod
    def named(cls, distro: str, version: str) -> Distribution:
        """The one for the settings `kolla_base_distro` and `kolla_base_distro_version`; else InputError."""
        known = yaml.safe_load(resources.files(__package__).joinpath("distributions.yml").read_text())
        name = f"{distro}-{version}"
        if name not in known:
            raise InputError(
                f"kolla_base_distro, kolla_base_distro_version: no images can be built on {distro} {version}",
                expected=f"one of {', '.join(sorted(known))}",
                hint=did_you_mean(name, known),
            )
        return cls(name=name, **known[name])
