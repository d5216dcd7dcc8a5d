"""Running the operator's own programs around a verb."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from kolla import places
from kolla.configuration import Configuration
from kolla.errors import InputError, KollaError, LockedError
from kolla.hooks import Hooks
from kolla.state.plan import Plan, StopOperation

STOP = StopOperation(id="stop:x@one", host="one", service="keystone", causes=("asked for",), container="x")
PLAN = Plan(cloud_name="c", cloud_id="1", precondition="", operations=(STOP,))


class Stopped(BaseException):
    """As Ctrl-C: no error that anybody handles."""


@pytest.fixture
def configuration(tmp_path, monkeypatch) -> Configuration:
    monkeypatch.setattr(places, "state_root", lambda: tmp_path / "state")
    (tmp_path / "globals.yml").write_text(yaml.safe_dump({"cloud_name": "c", "enable_demo": False}))
    return Configuration(tmp_path)


def write(configuration: Configuration, name: str, script: str, mode: int = 0o755) -> Path:
    path = configuration.directory / "hooks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return path


def run(hooks: Hooks, plan: Plan, events: list) -> None:
    with hooks.before("deploy", plan, events.append):
        events.append("the deploy")
    hooks.after("deploy", plan, events.append)


def test_without_a_directory_a_plan_stays_as_it_is(configuration):
    assert Hooks(configuration).planned("deploy", PLAN) is PLAN
    assert "globals" not in vars(configuration), "nothing was read"


def test_programs_run_before_and_after_and_know_what_for(configuration, tmp_path):
    say = f'echo "$KOLLA_VERB $KOLLA_CLOUD $(wc -c < "$KOLLA_PLAN")"; cp "$KOLLA_PLAN" {tmp_path}/seen.json'
    write(configuration, "pre-deploy.sh", say)
    write(configuration, "post-deploy-keystone.d/10-it", "true")
    write(configuration, "post-deploy-nova", "false")
    hooks, events = Hooks(configuration), []
    plan = hooks.planned("reconfigure", PLAN)
    run(hooks, Plan.model_validate_json(plan.model_dump_json()), events)
    told = [e if isinstance(e, str) else (e.subject, e.status) for e in events]
    assert told == [
        ("hook pre-deploy.sh", "started"),
        ("hook pre-deploy.sh", "done"),
        "the deploy",
        ("hook post-deploy-keystone.d/10-it", "started"),
        ("hook post-deploy-keystone.d/10-it", "done"),
    ]
    assert json.loads((tmp_path / "seen.json").read_text())["operations"][0]["id"] == STOP.id
    log = configuration.places.directory / "hooks" / "pre-deploy.sh.log"
    assert log.read_text().startswith("deploy c ")


def test_a_failing_one_before_stops_the_verb(configuration):
    path = write(configuration, "pre-deploy", "echo no coffee; exit 3")
    hooks, events = Hooks(configuration), []
    with pytest.raises(KollaError) as caught:
        run(hooks, hooks.planned("deploy", PLAN), events)
    assert str(caught.value).startswith(f"{path}: the hook ended with exit status 3; nothing was touched")
    assert "the deploy" not in events
    assert (events[-1].status, events[-1].log) == ("failed", ("no coffee",))


def test_a_failing_one_after_is_told(configuration):
    write(configuration, "post-deploy", "exit 1")
    hooks, events = Hooks(configuration), []
    with pytest.raises(KollaError, match="the deploy itself is done"):
        run(hooks, hooks.planned("deploy", PLAN), events)
    assert "the deploy" in events


def test_one_that_changed_since_the_plan_is_not_run(configuration, tmp_path):
    write(configuration, "pre-deploy", "true")
    hooks = Hooks(configuration)
    plan = hooks.planned("deploy", PLAN)
    write(configuration, "pre-deploy", f"touch {tmp_path}/ran")
    with pytest.raises(InputError, match="has changed since the plan was made; nothing was touched"):
        run(hooks, plan, [])
    assert not (tmp_path / "ran").exists()


def test_who_waits_for_another_deployer_prepares_once(configuration, tmp_path):
    write(configuration, "pre-deploy", f"echo x >> {tmp_path}/ran")
    hooks = Hooks(configuration)
    plan = hooks.planned("deploy", PLAN)
    for error in (LockedError("locked"), LockedError("locked"), KollaError("broken"), KollaError("broken")):
        with pytest.raises(KollaError), hooks.before("deploy", plan, lambda event: None):
            raise error
    assert (tmp_path / "ran").read_text() == "x\nx\n"


@pytest.mark.parametrize("error", [KollaError("broken"), Stopped()], ids=["broken", "interrupted"])
def test_after_a_failure_there_is_one_to_wake_the_alarm_again(configuration, tmp_path, error):
    write(configuration, "pre-deploy", "true")
    write(configuration, "failed-deploy", f"echo $KOLLA_VERB >> {tmp_path}/ran; exit 1")
    write(configuration, "post-deploy", f"echo post >> {tmp_path}/ran")
    hooks = Hooks(configuration)
    plan = hooks.planned("deploy", PLAN)
    with pytest.raises(type(error)), hooks.before("deploy", plan, lambda event: None):
        raise error
    assert (tmp_path / "ran").read_text() == "deploy\n"
    hooks.failed("deploy", plan, lambda event: None)
    assert (tmp_path / "ran").read_text() == "deploy\ndeploy\n", "its own failure is told, and hides nothing"


def test_one_before_that_fails_is_a_failure(configuration, tmp_path):
    write(configuration, "pre-deploy", "exit 1")
    write(configuration, "failed-deploy", f"touch {tmp_path}/ran")
    hooks = Hooks(configuration)
    with pytest.raises(KollaError, match="nothing was touched"):
        run(hooks, hooks.planned("deploy", PLAN), [])
    assert (tmp_path / "ran").exists()


def test_who_gives_up_waiting_has_failed(configuration, tmp_path):
    write(configuration, "failed-deploy", f"echo x >> {tmp_path}/ran")
    hooks = Hooks(configuration)
    plan = hooks.planned("deploy", PLAN)
    for _ in range(2):
        with pytest.raises(LockedError), hooks.before("deploy", plan, lambda event: None):
            raise LockedError("locked")
    assert not (tmp_path / "ran").exists()
    for _ in range(2):
        with pytest.raises(LockedError), hooks.giving_up():
            raise LockedError("locked")
    assert (tmp_path / "ran").read_text() == "x\n"


def test_verbs_of_services_and_what_has_no_plan_have_hooks_too(configuration):
    write(configuration, "pre-backup-mariadb", "true")
    write(configuration, "post-destroy-keystone", "true")
    hooks = Hooks(configuration)
    backup = PLAN.model_copy(update={"operations": (STOP.model_copy(update={"service": "mariadb"}),)})
    assert [hook.path for hook in hooks.planned("backup", backup).hooks] == ["pre-backup-mariadb"]
    nothing = PLAN.model_copy(update={"operations": ()})
    assert hooks.planned("destroy", nothing).hooks == ()
    assert [h.path for h in hooks.planned("destroy", nothing, everything=True).hooks] == [
        "post-destroy-keystone"
    ]


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("pre-deplo.sh", 0o755, "no verb runs this file(.|\n)*did you mean 'pre-deploy'"),
        ("pre-deploy.sh", 0o644, "neither a playbook .* nor executable(.|\n)*chmod"),
        ("pre-deploy-keyston", 0o755, "did you mean 'pre-deploy-keystone'"),
    ],
)
def test_what_nobody_runs_is_an_error(configuration, name, mode, message):
    path = write(configuration, name, "true", mode)
    with pytest.raises(InputError, match=message) as caught:
        Hooks(configuration).planned("deploy", PLAN)
    assert str(caught.value).startswith(str(path))


def test_texts_and_backups_are_left_alone(configuration):
    for name in ("README", "notes.md", ".swp", "pre-deploy.yml~"):
        write(configuration, name, "")
    assert Hooks(configuration).planned("deploy", PLAN).hooks == ()


def test_a_playbook_runs_with_the_inventory(configuration, tmp_path):
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    (tmp_path / "inventory").write_text(f"[all]\none {local} marker={tmp_path}/made\n")
    path = write(configuration, "pre-deploy.yml", "", 0o644)
    task = {"ansible.builtin.copy": {"dest": "{{ marker }}", "content": "{{ kolla_verb }} {{ kolla_cloud }}"}}
    path.write_text(yaml.safe_dump([{"hosts": "one", "gather_facts": False, "tasks": [task]}]))
    hooks = Hooks(configuration)
    run(hooks, hooks.planned("deploy", PLAN), [])
    assert (tmp_path / "made").read_text() == "deploy c"
