"""Verbs of services through the API, as far as no host is needed."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml

from kolla.ansible.outcome import Outcome, Result
from kolla.api import Cloud
from kolla.errors import InputError
from kolla.results import Ran
from kolla.service_verbs import _result, ran
from kolla.state.desired import DesiredJob

SERVICE = """\
name: shapes
title: Shapes
enabled: false
users: {shapes: {uid: 43999, home: /x}}
images: {shapes: {user: shapes}}
containers: {shapes: {command: x}}
verbs:
  draw-shapes:
    description: Draw what there is.
    job: {container: shapes, command: [draw]}
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A cloud of nothing, but for a service with a verb, which is not enabled."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "service.yml").write_text(SERVICE)
    cloud = Cloud(tmp_path, service_paths=[folder])
    switches = {
        f"enable_{f.name.replace('-', '_')}": False
        for f in cloud.configuration.catalogue.folders.values()
        if f.service.enabled is not None
    }
    (tmp_path / "globals.yml").write_text(
        yaml.safe_dump({**switches, "kolla_internal_vip_address": "192.0.2.1"})
    )
    cloud.genpwd()
    return cloud


def test_a_verb_nobody_has(cloud: Cloud) -> None:
    with pytest.raises(InputError, match="there is no verb 'draw-shape'\n  hint: did you mean 'draw-shapes'"):
        cloud.run_verb("draw-shape")


def test_a_verb_of_a_service_that_is_not_enabled(cloud: Cloud) -> None:
    with pytest.raises(InputError) as caught:
        cloud.run_verb("draw-shapes")
    assert "is a verb of service 'shapes', which is not enabled" in str(caught.value)
    assert "enable_shapes: true" in str(caught.value)


SAID = Result("a", "done", message='{"message": "Three shapes.", "shapes": 3}')


def test_what_a_job_says_of_itself_is_shown() -> None:
    ran = Ran((_result("a", SAID),))
    assert (ran.exit_code, ran.text()) == (0, "Three shapes.")
    assert ran.to_json()[0]["result"] == {"message": "Three shapes.", "shapes": 3}


def test_a_job_that_says_nothing_is_done() -> None:
    assert Ran((_result("a", Result("a", "done")),)).text() == "Done."


def test_each_of_several_hosts_is_named_and_a_failure_shows_its_log() -> None:
    failed = Result("b", "failed", message="job ended with exit status 1", log=("no paper",))
    ran = Ran((_result("a", SAID), _result("b", failed)))
    assert ran.exit_code == 1
    assert ran.text() == "a: Three shapes.\nb: job ended with exit status 1\n    | no paper"
    assert ran.to_json()[1]["result"] == {}
    assert _result("b", Result("b", "blocked"))["message"] == "it was blocked"


def test_what_failed_comes_first_and_what_was_stopped_is_not_forgotten() -> None:
    job = SimpleNamespace(host="a", id="job:shapes/verb-swap@a")
    operations = {
        "stop:shapes@a": Result("a", "done"),
        "container:x@a": Result("a", "failed", message="no paper", log=("jammed",)),
        job.id: Result("a", "blocked", message="waits for container:x@a, which failed"),
        "endpoint:y@a": Result("a", "blocked", message="waits for container:x@a, which failed"),
    }
    told = ran([cast(DesiredJob, job)], Outcome("run", operations))
    assert told.exit_code == 1
    assert told.text().splitlines() == [
        "a: container:x@a failed: no paper",
        "    | jammed",
        "a: waits for container:x@a, which failed",
        "What was stopped stays so; to start it again, run: kolla deploy",
    ]
