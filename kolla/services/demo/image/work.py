"""The cloud that is worked on, and what was changed in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from openstack.connection import Connection

PAUSE = 1
"""Seconds between two looks at what is waited for."""


class Refused(Exception):
    """Why it cannot be done, in one sentence."""


class Work:
    """One cloud, what is wanted of it, and what changed."""

    def __init__(self, cloud: Connection, settings: dict[str, Any]) -> None:
        self.cloud = cloud
        self.settings = settings
        self.project = cloud.current_project_id
        self.changes: list[str] = []

    def changed(self, sentence: str) -> None:
        """Remember and show a change."""
        self.changes.append(sentence)
        print(sentence, flush=True)

    def own(self, found: Iterator[Any], what: str) -> Any:
        """The project's one thing of a name, or None. Refused when there are several."""
        mine = [each for each in found if each.project_id == self.project]
        if len(mine) > 1:
            raise Refused(
                f"there are {len(mine)} {what}: remove all but one, or have another name in the settings"
            )
        return mine[0] if mine else None


def wait_for(condition: Callable[[], Any], seconds: float) -> Any:
    """What the condition gives once it is something; None after so many seconds."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            return None
        time.sleep(PAUSE)
    return result
