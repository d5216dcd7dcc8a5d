import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import click
import pytest

from kolla.catalogue.catalogue import OWN_VERBS
from kolla.cli.failure import EXIT_CODES
from kolla.cli.main import SECTIONS
from kolla.events import Event
from kolla.state.canary_request import CanaryRequest

from .conftest import REALLY, Answer

VERBS = [command.name for commands in SECTIONS.values() for command in commands]

DESTROY = {"volumes": False, "images": False, "config": False, "purge": False}

UPGRADE = {"finish": False, "canary": None, "max_fail": None, "auto_rollback": False, "lock_timeout": 60}

# command line -> the one call it makes
CALLS = {
    "adopt /etc": ("adopt", (Path("/etc"),), {}),
    "build": ("build", ((), {}, None), {}),
    "build --bundle out.tar": ("build", ((), {}, Path("out.tar")), {}),
    "build keystone --refresh --no-push": (
        "build",
        (("keystone",), {"refresh": True, "push": False}, None),
        {},
    ),
    "build -p infra -p main -b debian --threads 4 --skip-existing": (
        "build",
        ((), {"profile": ["infra", "main"], "base": "debian", "threads": "4", "skip_existing": True}, None),
        {},
    ),
    "build ^nova --list-images": ("images", (("^nova",), {}), {}),
    "build -l --profile main": ("dependencies", ((), {"profile": ["main"]}), {}),
    "build --save-dependency tree.svg": ("save_dependency", (Path("tree.svg"), (), {}), {}),
    "build --template-only out cron": ("template_only", (Path("out"), ("cron",), {}), {}),
    "lock --constraints uc.txt": ("lock", ("uc.txt", None, {}), {}),
    "lock --date 2026-11-01 --openstack-release 2026.2 --base-version 12": (
        "lock",
        ("", date(2026, 11, 1), {"openstack_release": "2026.2", "base_version": "12"}),
        {},
    ),
    "push": ("push", (), {"promote": True, "sign": False}),
    "push --sign": ("push", (), {"promote": True, "sign": True}),
    "push --no-promote": ("push", (), {"promote": False, "sign": False}),
    "promote": ("promote", (), {"sign": False}),
    "promote --sign": ("promote", (), {"sign": True}),
    "publish ^nova --test true": ("publish", (("^nova",), {}, "true"), {}),
    f"load {__file__}": ("load", (Path(__file__),), {}),
    "genpwd": ("genpwd", (), {}),
    "mergepwd --old a --new b --final c": (
        "mergepwd",
        (),
        {"old": Path("a"), "new": Path("b"), "final": Path("c")},
    ),
    "bootstrap-servers": ("bootstrap_servers", (), {}),
    "prechecks": ("prechecks", (), {}),
    "pull": ("pull", (), {}),
    "plan": (
        "plan",
        (),
        {"offline": False, "against_config": None, "diff": False, "canary": None, "max_fail": None},
    ),
    "plan --offline": (
        "plan",
        (),
        {"offline": True, "against_config": None, "diff": False, "canary": None, "max_fail": None},
    ),
    "deploy": (
        "deploy",
        (),
        {"plan_file": None, "lock_timeout": 60, "verb": "deploy", "canary": None, "max_fail": None},
    ),
    "deploy --lock-timeout 0": (
        "deploy",
        (),
        {"plan_file": None, "lock_timeout": 0, "verb": "deploy", "canary": None, "max_fail": None},
    ),
    "upgrade": ("upgrade", (None,), UPGRADE),
    "upgrade --max-fail 10%": ("upgrade", (None,), UPGRADE | {"max_fail": "10%"}),
    "upgrade --finish": ("upgrade", (None,), UPGRADE | {"finish": True}),
    "upgrade --auto-rollback --lock-timeout 5": (
        "upgrade",
        (None,),
        UPGRADE | {"auto_rollback": True, "lock_timeout": 5},
    ),
    "plan --upgrade": (
        "plan_upgrade",
        (),
        {"finish": False, "canary": None, "max_fail": None, "diff": False},
    ),
    "plan --finish": ("plan_upgrade", (), {"finish": True, "canary": None, "max_fail": None, "diff": False}),
    "reconfigure": (
        "deploy",
        (),
        {"plan_file": None, "lock_timeout": 60, "verb": "reconfigure", "canary": None, "max_fail": None},
    ),
    "deploy --canary a,compute:10%": (
        "deploy",
        (),
        {
            "plan_file": None,
            "lock_timeout": 60,
            "verb": "deploy",
            "canary": CanaryRequest(("a", "compute:10%"), 60),
            "max_fail": None,
        },
    ),
    "upgrade --canary a --soak 10m": (
        "upgrade",
        (None,),
        UPGRADE | {"canary": CanaryRequest(("a",), 600)},
    ),
    "plan --upgrade --canary a --soak 0": (
        "plan_upgrade",
        (),
        {"finish": False, "canary": CanaryRequest(("a",), 0), "max_fail": None, "diff": False},
    ),
    "genconfig out": ("genconfig", (Path("out"),), {}),
    "validate-config": ("validate_config", (), {}),
    "post-deploy": ("post_deploy", (), {}),
    "plan --against 7": ("plan_against", (7,), {"diff": False}),
    "plan --upgrade --diff": (
        "plan_upgrade",
        (),
        {"finish": False, "canary": None, "max_fail": None, "diff": True},
    ),
    "plan --against 7 --diff": ("plan_against", (7,), {"diff": True}),
    "revisions": ("revisions", (), {}),
    "revisions on-hosts": ("revisions_on_hosts", (), {}),
    "revisions show 7": ("revision", (7,), {}),
    "revisions diff 6 7": ("revision_diff", (6, 7), {}),
    "status": ("status", ((),), {}),
    "status keystone compute": ("status", (("keystone", "compute"),), {}),
    "status --sets": ("status_of_sets", ((),), {}),
    "service new birds": ("new_service", ("birds", Path()), {}),
    "check": ("check", ((),), {}),
    "check keystone": ("check", (("keystone",),), {}),
    "logs keystone": ("logs", ("keystone",), {"lines": 100}),
    "logs keystone -n 5": ("logs", ("keystone",), {"lines": 5}),
    "exec keystone ls -la": ("execute", ("keystone", ("ls", "-la")), {}),
    "exec keystone ls -f json": ("execute", ("keystone", ("ls", "-f", "json")), {}),
    f"destroy {REALLY}": ("destroy", (), DESTROY),
    f"destroy --volumes {REALLY}": ("destroy", (), DESTROY | {"volumes": True}),
    f"destroy --config {REALLY}": ("destroy", (), DESTROY | {"config": True}),
    f"destroy --purge {REALLY}": (
        "destroy",
        (),
        DESTROY | {"volumes": True, "images": True, "purge": True},
    ),
}


@pytest.mark.parametrize("line", CALLS)
def test_a_command_line_is_one_call(kolla, script, line):
    outcome = kolla(*line.split())
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert script.calls == [CALLS[line]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("deploy --soak 10m", "--soak is for a canary: add --canary HOST"),
        ("upgrade --canary a --soak 10x", "'10x' is no duration; write 90, 90s, 10m or 1h"),
        ("deploy --canary ,", "it names nothing"),
        ("plan --finish --canary a", "--canary is for plans of a deploy or an upgrade"),
    ],
)
def test_a_canary_that_is_none(kolla, script, line, said):
    outcome = kolla(*line.split())
    assert (outcome.exit_code, script.calls) == (3, [])
    assert said in outcome.err


def test_a_run_answers_one_question(kolla, script):
    outcome = kolla("build", "--list-images", "--template-only", "out")
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "several options that build nothing" in outcome.err


def test_no_two_options_of_a_verb_are_written_alike():
    for commands in SECTIONS.values():
        for command in commands:
            params = command.get_params(click.Context(command))
            written = [word for param in params for word in (*param.opts, *param.secondary_opts)]
            assert sorted(written) == sorted(set(written)), command.name


def test_files_of_options_are_handed_on(kolla, script, tmp_path):
    path = tmp_path / "mine.conf"
    path.write_text("[DEFAULT]\n")
    kolla("build", "--config-file", str(path))
    assert script.given["build_config_files"] == (path,)
    outcome = kolla("build", "--config-file", str(tmp_path / "other.conf"))
    assert (outcome.exit_code, "other.conf" in outcome.err) == (3, True)


def test_services_cannot_have_a_verb_of_ours():
    assert list(OWN_VERBS) == sorted(VERBS)


def test_every_verb_has_a_command_line_here():
    assert {line.split()[0] for line in CALLS} == set(VERBS) - {
        "host",
        "quickstart",
        "start",
        "stop",
        "restart",
        "rollback",
    }


def test_quickstart_makes_the_cloud_of_the_options(kolla, script, tmp_path, monkeypatch):
    def quickstart(make_cloud, extra, progress):
        make_cloud().quickstarted(extra)
        progress(Event("build", "started"))
        return Answer(exit_code=1)

    module = ModuleType("kolla.quickstart")
    module.quickstart = quickstart
    monkeypatch.setitem(sys.modules, "kolla.quickstart", module)
    extra = tmp_path / "extra.yml"
    extra.touch()
    outcome = kolla("quickstart", "--configdir", "/c", "--globals", str(extra))
    assert outcome.exit_code == 1
    assert outcome.err.endswith("build started\n")
    assert script.given["config_directory"] == Path("/c")
    assert script.calls == [("quickstarted", (extra,), {})]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(kolla, verb):
    outcome = kolla(verb, "--help")
    assert outcome.exit_code == 0
    for option in ("--configdir", "--service-path", "--format", "--verbose"):
        assert option in outcome.out


def test_help_names_every_verb_and_exit_code(kolla):
    text = kolla("--help").out
    assert all(f"  {verb}" in text for verb in VERBS)
    assert all(f"  {code}" in text and meaning in text for code, meaning in EXIT_CODES.items())


def test_help_is_quick_because_it_imports_little():
    program = "import sys; from kolla.cli.main import invoke; invoke(['--help']); print('|', *sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    loaded = set(output.rpartition("|")[2].split())
    assert "click" in loaded
    assert loaded.isdisjoint({"rich", "docker", "jinja2", "ansible", "cryptography", "kolla.api"})


def test_the_exit_code_is_the_results(kolla, script):
    script.result = Answer(exit_code=2)
    assert kolla("plan").exit_code == 2


def test_a_plan_is_kept_and_handed_over(kolla, script, tmp_path):
    from kolla.state.plan import Plan

    plan = Plan(cloud_name="c", cloud_id="1", precondition="p", operations=())
    script.result = Answer()
    script.result.plan = plan
    kept = tmp_path / "plan.json"
    assert kolla("plan", "-o", str(kept)).exit_code == 0
    assert Plan.load(kept) == plan
    assert kolla("deploy", "--plan", str(kept)).exit_code == 0
    assert script.calls[-1] == (
        "deploy",
        (),
        {"plan_file": kept, "lock_timeout": 60, "verb": "deploy", "canary": None, "max_fail": None},
    )


def test_results_go_to_stdout_and_progress_to_stderr(kolla, script):
    script.result = Answer([{"operations": 1}])
    script.events = (Event("deploy", "done", "container:a@h", host="h", seconds=2.0),)
    text = kolla("deploy")
    assert text.out == "OPERATIONS\n1\n"
    assert "deploy h container:a@h done 2.0s" in text.err
    assert json.loads(kolla("deploy", "-f", "json").out) == [{"operations": 1}]
