"""Whether the server's flavour has room for an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lack(settings: Mapping[str, Any], gibibytes: int) -> str | None:
    """Why the flavour of the server, if there is to be one, cannot take an image of so many GiB.

    The disk of a flavour with 0 GiB is as large as the image.
    """
    if settings["server"] is None:
        return None
    disks = {flavor["name"]: flavor["disk"] for flavor in settings["flavors"]}
    name = settings["server"]["flavor"]
    if disks[name] == 0 or disks[name] >= gibibytes:
        return None
    fitting = [other for other, disk in disks.items() if disk == 0 or disk >= gibibytes]
    expected = f"one of {', '.join(fitting)}" if fitting else "a flavour in demo_flavors with such a disk"
    return (
        f"the image needs a disk of {gibibytes} GiB, and demo_server_flavor {name} has {disks[name]} GiB; "
        f"expected: {expected}"
    )
