import io
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
from kolla.cli.main import SECTIONS, invoke
from kolla.errors import InputError, InputErrors, KollaError, Location, LockedError
from kolla.events import Event
from kolla.results import Holdings
from kolla.state.canary_request import CanaryRequest

from .conftest import Answer

VERBS = [command.name for commands in SECTIONS.values() for command in commands]
REALLY = "--yes-i-really-really-mean-it"

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


SERVICE = """\
name: shapes
title: Shapes
enabled: true
users: {shapes: {uid: 43999, home: /x}}
images: {shapes: {user: shapes}}
containers: {shapes: {command: x}}
verbs:
  draw-shapes:
    description: Draw what there is.
    job: {container: shapes, command: [draw]}
  swap-shapes:
    description: Put others in their place.
    argument: {name: album, description: Those of which album.}
    job: {container: shapes, command: [swap], volumes: {shapes: /x}}
    replaces: [shapes]
    loses: loses what was drawn since
"""


@pytest.fixture
def shapes(tmp_path):
    """The folder of a service that has a verb."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "service.yml").write_text(SERVICE)
    return str(folder)


def test_the_verbs_of_a_service_are_verbs(kolla, script, shapes):
    for line in (["--service-path", shapes, "draw-shapes"], ["draw-shapes", "--service-path", shapes]):
        outcome = kolla(*line)
        assert (outcome.exit_code, outcome.err) == (0, "")
    assert script.calls == [("run_verb", ("draw-shapes",), {})] * 2
    assert "draw-shapes  " in kolla("--service-path", shapes, "--help").out
    assert "Draw what there is." in kolla("--service-path", shapes, "--help").out
    assert "Draw what there is." in kolla("--service-path", shapes, "draw-shapes", "--help").out


@pytest.mark.parametrize(
    ("name", "near"), [("draw-shape", "draw-shapes"), ("deplyo", "deploy"), ("qwertyuiop", None)]
)
def test_a_wrong_verb_is_near_one_of_ours_or_a_service_s(kolla, script, shapes, name, near):
    outcome = kolla("--service-path", shapes, name)
    assert (outcome.exit_code, outcome.out, script.calls) == (3, "", [])
    said = f"there is no verb '{name}'" + (f"; did you mean '{near}'?" if near else "")
    assert outcome.err == f"{said}\n  hint: see: kolla --help\n"


def test_a_verb_that_loses_something_asks_first_and_passes_on_what_is_said_to_it(kolla, script, shapes):
    line = ["--service-path", shapes, "swap-shapes", "old"]
    outcome = kolla(*line)
    assert (outcome.exit_code, script.calls) == (3, [])
    assert outcome.err == (
        "this loses what was drawn since\n  hint: if you mean it, add --yes-i-really-really-mean-it\n"
    )
    assert kolla(*line, "--yes-i-really-really-mean-it").exit_code == 0
    assert script.calls == [("run_verb", ("swap-shapes", "old"), {})]
    text = kolla("--service-path", shapes, "swap-shapes", "--help").out
    assert "swap-shapes [OPTIONS] [ALBUM]" in text
    assert "ALBUM: Those of which album." in text and "This loses what was drawn since" in text


@pytest.mark.parametrize("line", [["draw-shapes", "old"], ["swap-shapes", "old", "older"]])
def test_nobody_listens_to_too_many_words(kolla, script, shapes, line):
    outcome = kolla("--service-path", shapes, *line)
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "too many words: " in outcome.err


def test_a_broken_service_does_not_break_the_help(kolla, tmp_path):
    (tmp_path / "service.yml").write_text("nonsense")
    outcome = kolla("--service-path", str(tmp_path), "--help")
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert "  deploy " in outcome.out


def test_options_stand_before_or_after_the_verb(kolla, script):
    expected = {
        "config_directory": Path("/c"),
        "inventory": ("a", "b"),
        "service_paths": (Path("s"),),
        "limit": ("h1", "h2"),
        "tags": ("x",),
    }
    given = [
        "-i",
        "a",
        "-i",
        "b",
        "--configdir",
        "/c",
        "--service-path",
        "s",
        "--limit",
        "h1,h2",
        "--tags",
        "x",
    ]
    for line in ([*given, "plan"], ["plan", *given]):
        assert kolla(*line).exit_code == 0
        assert {key: script.given[key] for key in expected} == expected


def test_an_option_after_the_verb_wins(kolla, script):
    kolla("--configdir", "/before", "plan", "--configdir", "/after")
    assert script.given["config_directory"] == Path("/after")


def test_configdir_comes_from_the_environment_unless_given(kolla, script, monkeypatch):
    kolla("plan")
    assert script.given["config_directory"] == Path("/etc/kolla")
    monkeypatch.setenv("KOLLA_CONFIG_PATH", "/elsewhere")
    kolla("plan")
    assert script.given["config_directory"] == Path("/elsewhere")
    kolla("--configdir", "/given", "plan")
    assert script.given["config_directory"] == Path("/given")


@pytest.mark.parametrize(
    "line", ["deplyo", "plan --no-such-option", "lock --date soon", "deploy --lock-timeout -1", "logs"]
)
def test_a_wrong_command_line_is_bad_input(kolla, script, line):
    outcome = kolla(*line.split())
    assert (outcome.exit_code, outcome.out, script.calls) == (3, "", [])
    assert "--help" in outcome.err


@pytest.mark.parametrize("line", [["--limit", ""], ["--limit", ","], ["--tags", " "]])
def test_a_choice_of_nothing_is_not_a_choice_of_all(kolla, script, line):
    outcome = kolla("deploy", *line)
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "it names nothing; leave it out to mean all" in outcome.err


def test_what_interrupts_the_cloud_wants_confirmation(kolla, script):
    outcome = kolla("destroy")
    assert (outcome.exit_code, script.calls) == (3, [])
    assert REALLY in outcome.err


class Forecast(Answer):
    """A plan of something."""

    empty = False

    def text(self):
        return "interrupts endpoint keystone"


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_power_says_what_it_interrupts_and_wants_confirmation(kolla, script, verb):
    script.result = Forecast()
    outcome = kolla(verb, "keystone")
    assert (outcome.exit_code, script.calls) == (3, [("plan_power", (verb, ("keystone",)), {})])
    assert "interrupts endpoint keystone" in outcome.err and REALLY in outcome.err
    assert outcome.out == ""


class Planned(Forecast):
    """What going back to a revision would do."""

    towards, plan = 6, "the plan"


@pytest.mark.parametrize(("line", "asked"), [("rollback --yes", None), ("rollback 7 --yes", 7)])
def test_a_rollback_does_the_plan_that_was_shown(kolla, script, line, asked):
    script.result = Planned()
    outcome = kolla(*line.split())
    assert "interrupts endpoint keystone" in outcome.err
    assert script.calls == [
        ("plan_against", (asked,), {}),
        ("rollback", (6,), {"plan": "the plan", "restore": False, "lock_timeout": 60}),
    ]


def test_a_rollback_without_anybody_to_ask_touches_nothing(kolla, script):
    outcome = kolla("rollback")
    assert (outcome.exit_code, script.calls) == (3, [])
    assert "nobody can be asked here" in outcome.err and "--yes" in outcome.err


@pytest.mark.parametrize(("line", "action"), [(f"stop a {REALLY}", "stop"), ("start a", "start")])
def test_power_is_done_as_it_was_planned(kolla, script, line, action):
    script.result = Planned()
    outcome = kolla(*line.split())
    assert outcome.exit_code == 0
    assert script.calls == [
        ("plan_power", (action, ("a",)), {}),
        ("power", (action, ("a",), "the plan"), {}),
    ]


@pytest.mark.parametrize(
    ("said", "done"), [("east\n", True), ("west\n", False), ("\n", False), ("y\n", False)]
)
def test_on_a_terminal_destroy_says_what_goes_and_wants_the_name(script, said, done, monkeypatch, capsys):
    holdings = {"containers": ["keystone"], "volumes": {"mariadb": 5_000_000, "huge": None}}
    script.result = Holdings("east", {"one": holdings})
    terminal = io.StringIO(said)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    code = invoke(["destroy", "--volumes"])
    flags = {"volumes": True, "images": False, "purge": False}
    called = [("holdings", (), flags), ("destroy", (), flags | {"config": False})]
    assert (code, script.calls) == ((0, called) if done else (3, called[:1]))
    shown = capsys.readouterr().err
    assert "one: 1 container: keystone\n  one: 2 volumes: mariadb (5 MB), huge\n" in shown


@pytest.mark.parametrize(("said", "done"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_power_asks(script, said, done, monkeypatch, capsys):
    script.result = Planned()
    terminal = io.StringIO(said)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    code = invoke(["restart", "keystone"])
    assert (code, len(script.calls)) == ((0, 2) if done else (3, 1))
    assert "Go on? [y/N]" in capsys.readouterr().err


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


WRONG = InputError(
    "unknown key 'a'", where=Location(Path("g.yml"), 3), expected="a key", hint="did you mean 'b'?"
)


@pytest.mark.parametrize(
    ("error", "code"),
    [(WRONG, 3), (KollaError("it failed"), 1), (LockedError("h is held by ann"), 4)],
)
def test_an_error_is_shown_once_and_decides_the_exit_code(kolla, script, error, code):
    script.error = error
    outcome = kolla("deploy")
    assert (outcome.exit_code, outcome.out, outcome.err) == (code, "", f"{error}\n")


def test_an_error_as_json_is_the_one_document_on_stdout(kolla, script):
    script.error = InputErrors([WRONG, InputError("b is wrong")])
    outcome = kolla("plan", "-f", "json")
    assert (outcome.exit_code, outcome.err) == (3, "")
    assert json.loads(outcome.out) == {
        "error": {
            "errors": [
                {
                    "what": "unknown key 'a'",
                    "where": "g.yml:3",
                    "expected": "a key",
                    "hint": "did you mean 'b'?",
                },
                {"what": "b is wrong"},
            ]
        }
    }


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("deploy", "hosts finish what they began"),
        (f"restore {REALLY}", "hosts finish what they began"),
        ("build", "images that are done stay, what was half made is gone"),
        ("push", "what is in the registry stays there"),
        ("plan", "nothing was changed"),
        ("genpwd", "files that were written stay so"),
    ],
)
def test_ctrl_c_says_what_it_leaves(kolla, script, line, left):
    script.error = KeyboardInterrupt()
    outcome = kolla(*line.split())
    assert outcome.exit_code == 130
    assert outcome.err.strip() == f"interrupted\n  hint: {left}; run it again to go on"


def test_a_file_that_cannot_be_written_is_no_defect(kolla, script, tmp_path):
    from kolla.state.plan import Plan

    script.result = Answer()
    script.result.plan = Plan(cloud_name="c", cloud_id="1", precondition="p", operations=())
    directory = tmp_path / "missing"
    outcome = kolla("plan", "-o", str(directory / "plan.json"))
    assert outcome.exit_code == 1
    assert outcome.err.startswith(f"{directory}") and outcome.err.endswith(": No such file or directory\n")


def test_a_defect_is_two_lines_and_a_private_log(kolla, script, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    script.error = ZeroDivisionError("by nought")
    outcome = kolla("deploy")
    (log,) = tmp_path.iterdir()
    assert outcome.exit_code == 1
    assert outcome.err == (
        f"a defect of kolla: ZeroDivisionError: by nought\n  hint: the traceback is in {log}\n"
    )
    assert "Traceback" in log.read_text() and log.stat().st_mode & 0o777 == 0o600


def test_results_go_to_stdout_and_progress_to_stderr(kolla, script):
    script.result = Answer([{"operations": 1}])
    script.events = (Event("deploy", "done", "container:a@h", host="h", seconds=2.0),)
    text = kolla("deploy")
    assert text.out == "OPERATIONS\n1\n"
    assert "deploy h container:a@h done 2.0s" in text.err
    assert json.loads(kolla("deploy", "-f", "json").out) == [{"operations": 1}]
