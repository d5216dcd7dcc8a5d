"""Services of all hosts report to their API: who is silent is waited for, and named."""

from __future__ import annotations

import pytest

from .scripts import load

report = load("toolbox", "kolla_services_report")


def test_a_silent_service_is_named() -> None:
    services = [
        {"binary": "nova-conductor", "host": "n1", "state": "up"},
        {"binary": "nova-compute", "host": "n1", "state": "up"},
        {"binary": "nova-compute", "host": "n2", "state": "down"},
        {"binary": "cinder-volume", "host": "n1@rbd-1", "state": "down"},
    ]
    assert list(report.missing({"nova-conductor": ["n1"], "nova-compute": ["n1"]}, services)) == []
    expected = {"nova-scheduler": ["n1"], "nova-compute": ["n1", "n2"], "cinder-volume": ["n1@rbd-1"]}
    assert list(report.missing(expected, services)) == [
        "nova-scheduler on n1",
        "nova-compute on n2",
        "cinder-volume on n1@rbd-1",
    ]


def test_a_service_that_has_just_started_is_waited_for() -> None:
    answers = [["nova-compute on n1"], ["nova-compute on n1"], []]
    report.wait(lambda: answers.pop(0), limit=60, pause=0)
    assert answers == []
    with pytest.raises(report.Silent, match="not reporting: nova-compute on n2; kolla status"):
        report.wait(lambda: ["nova-compute on n2"], limit=0, pause=0)
