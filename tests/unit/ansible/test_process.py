from __future__ import annotations

import os
import subprocess

import pytest

from kolla.ansible.process import has_ended
from kolla.hosts import owner

ENDED = subprocess.Popen(["true"])
ENDED.wait()


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({"pid": os.getpid()}, False),
        ({"pid": ENDED.pid}, True),
        ({"pid": ENDED.pid, "host": "another"}, False),
        ({"pid": ENDED.pid, "boot_id": "another"}, False),
    ],
)
def test_only_a_process_of_this_machine_is_known_to_have_ended(
    changes: dict[str, object], ended: bool
) -> None:
    assert has_ended({**owner("deploy"), **changes}) is ended
