"""What is said of configuration that images do not take, and what stands in the way of a deploy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from oslo_config import cfg
from world import World

from kolla.build_report import BuildReport
from kolla.config.option_schema import Schema
from kolla.configuration import Configuration
from kolla.errors import InputErrors, KollaError
from kolla.images import engine as engine_module
from kolla.images.engine import Trial
from kolla.images.inside.oslo_options import add
from kolla.places import Places
from kolla.state.derive import desire
from kolla.state.desired import Desired
from kolla.validation import Validation, ValidationVerbs

KNOWN: dict[str, dict[str, list[Any]]] = {
    "keystone": {
        "DEFAULT": [*map(cfg.StrOpt, ("log_dir", "log_file", "use_stderr", "transport_url"))],
        "token": [cfg.StrOpt("provider"), cfg.IntOpt("expiration")],
        "oslo_messaging_rabbit": [cfg.StrOpt("rabbit_quorum_queue")],
    },
    "notes": {
        "DEFAULT": [cfg.StrOpt("bind_host"), cfg.PortOpt("bind_port"), cfg.StrOpt("shout")],
        "database": [cfg.StrOpt("connection")],
        "keystone_authtoken": [
            *map(cfg.StrOpt, ("auth_url", "username", "password", "project_name")),
            *map(cfg.StrOpt, ("user_domain_name", "project_domain_name")),
        ],
    },
}


class Engine:
    """An engine that has these images, whose programs all end with the same status."""

    def __init__(self, *images: str, status: int = 0) -> None:
        self.has, self.status = images, status
        self.asked: list[str] = []

    def images(self) -> dict[str, frozenset[str]]:
        return dict.fromkeys(self.has, frozenset())

    def run(self, image: str, command: Sequence[str], trial: Trial) -> tuple[int | None, str]:
        self.asked.append(image)
        return self.status, "[ERROR] bad"


PROGRAMS = ("sha256:haproxy", "sha256:mariadb")


class Gate:
    """A cloud whose images know the options above; `notes` all that its template says."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.directory = world, directory
        self.known = {image: dict(groups) for image, groups in KNOWN.items()}
        self.unread: dict[str, str] = {}
        self.tags: frozenset[str] | None = None
        self.engine: Engine | None = Engine(*PROGRAMS)

    def connect(self, name: str) -> Engine:
        if self.engine is None:
            raise KollaError("no container engine answers")
        return self.engine

    def report(self) -> BuildReport:
        images = dict(self.world.report.images)
        for image, groups in self.known.items():
            found: dict[str, dict[str, Any]] = {}
            for group, options in groups.items():
                add(found, group, options)
            document = {"options": found, "plugins": {}, "unread": self.unread, "sections": []}
            path = self.directory / "schema" / image / "now.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document))
            update = {"options": f"schema/{image}/now.json", "options_sha256": str(hash(path.read_text()))}
            images[image] = images[image].model_copy(update=update)
        return self.world.report.model_copy(update={"images": images})

    def configuration(self) -> Configuration:
        settings = self.world.settings
        read = SimpleNamespace(
            places=Places(self.directory),
            report_place=Places(self.directory).build_report,
            settings=settings,
            globals=settings.globals,
            services=lambda: self.tags,
        )
        return cast(Configuration, read)

    def desired(self) -> Desired:
        return desire(self.world.settings, self.report(), self.world.facts)

    def validation(self) -> Validation:
        return Validation.of(self.configuration(), self.desired(), self.world.hosts)


MakeGate = Callable[..., Gate]


@pytest.fixture
def make_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeGate:
    def make(*hosts: str) -> Gate:
        state = tmp_path / "state"
        state.mkdir()
        gate = Gate(World(tmp_path, hosts=hosts or ("one",)), state)
        monkeypatch.setattr(engine_module, "connect", gate.connect)
        return gate

    return make


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    return make_gate()


class Verbs(ValidationVerbs):
    def __init__(self, gate: Gate) -> None:
        self.configuration = gate.configuration()

    def deploys(self, gate: Gate) -> tuple[str, ...]:
        return self._gate(gate.desired(), gate.world.hosts)


def errors(gate: Gate) -> list[str]:
    return [str(fault.error_message()) for fault in gate.validation().faults if fault.error]


def test_an_override_nobody_knows_is_located_and_stops_a_deploy(gate: Gate, tmp_path: Path) -> None:
    gate.world.override("notes.conf", "# mine\n[DEFAULT]\nshot = yes\n")
    assert errors(gate) == [
        f"{tmp_path}/config/notes.conf:3: [DEFAULT] shot: there is no such option (read by notes)\n"
        "  hint: did you mean 'shout'?"
    ]
    (row,) = [fault.finding() for fault in gate.validation().faults if fault.error]
    assert (row["host"], row["subject"], row["ok"], row["hint"]) == (
        "one",
        "notes",
        False,
        "did you mean 'shout'?",
    )


def test_an_unknown_option_of_a_template_is_only_told(gate: Gate) -> None:
    gate.known["notes"]["database"] = []
    told = [fault for fault in gate.validation().faults if "notes" in fault.names]
    assert [(f.error, f.sentence) for f in told] == [
        (False, "template notes.conf.j2: [database] connection: there is no such option")
    ]


def test_a_wrong_value_is_an_error_wherever_it_is_from(gate: Gate) -> None:
    gate.known["notes"]["DEFAULT"] = [cfg.IPOpt("bind_host"), cfg.IntOpt("bind_port", max=80)]
    assert errors(gate) == [
        "template notes.conf.j2: [DEFAULT] bind_port: '9191' is not allowed (read by notes)\n"
        "  expected: a whole number, 80 or less"
    ]


def test_layers_for_all_services_need_one_that_knows(gate: Gate, tmp_path: Path) -> None:
    gate.world.override("global.conf", "[token]\nexpiration = 7\nexpiry = 7\n")
    assert errors(gate) == [
        f"{tmp_path}/config/global.conf:3: [token] expiry: there is no such option (read by keystone)\n"
        "  hint: did you mean 'expiration'?"
    ]
    gate.tags = frozenset({"notes"})
    gate.world.override("global.conf", "[token]\nexpiration = 7\n")
    assert errors(gate) == []


def test_what_other_services_read_is_not_told_of_one(gate: Gate) -> None:
    gate.world.override("keystone.conf", "[token]\nexpiry = 7\n")
    assert errors(gate)
    gate.tags = frozenset({"notes"})
    assert errors(gate) == []


def test_one_line_read_on_several_hosts_is_told_once(make_gate: MakeGate) -> None:
    gate = make_gate("one", "two", "three", "four", "five")
    gate.world.override("notes.conf", "[DEFAULT]\nshot = yes\n")
    (fault,) = [fault for fault in gate.validation().faults if fault.error]
    assert fault.finding()["host"] == "one, two, three, 2 more"


def test_a_schema_that_lacks_something_only_warns_of_unknown_options(gate: Gate) -> None:
    gate.unread = {"notes.more": "ImportError: no"}
    gate.world.override("notes.conf", "[DEFAULT]\nshot = yes\nbind_port = x\n")
    assert [error.partition(": ")[2].partition(" is")[0] for error in errors(gate)] == [
        "[DEFAULT] bind_port: 'x'"
    ]


def test_images_without_a_schema_are_named_in_one_sentence(gate: Gate) -> None:
    gate.known = {}
    (sentence,) = gate.validation().unchecked
    assert sentence.startswith("configuration that is read in keystone, notes is not checked")
    assert sentence.endswith("run: kolla build")


def test_what_was_fine_is_not_checked_again(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    first = gate.validation()
    assert [found.name for found in first.fine] == ["notes", "haproxy", "mariadb"]
    loaded: list[Path] = []

    def load(path: Path) -> Schema:
        loaded.append(path)
        return Schema(json.loads(path.read_text()))

    monkeypatch.setattr(Schema, "load", load)
    assert gate.validation().fine[0].name == "notes"
    assert {path.parent.name for path in loaded} == {"keystone"}
    gate.world.override("notes.conf", "[DEFAULT]\nshout = a\n")
    gate.validation()
    assert {path.parent.name for path in loaded} == {"keystone", "notes"}


def test_a_program_that_refuses_its_files_stops_a_deploy(gate: Gate) -> None:
    gate.engine = Engine(*PROGRAMS, status=1)
    assert errors(gate) == [
        "haproxy: haproxy -c -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/services.d: [ERROR] bad"
        " (read by haproxy)",
        "mariadb: mariadbd --verbose --help: [ERROR] bad (read by mariadb)",
    ]


def test_programs_are_asked_once_about_the_same_files(gate: Gate) -> None:
    assert gate.engine is not None
    gate.validation()
    gate.validation()
    assert sorted(gate.engine.asked) == sorted(PROGRAMS)
    gate.world.override("mariadb/my.cnf", "[mariadbd]\nmax_connections = 5\n")
    gate.validation()
    assert gate.engine.asked[2:] == ["sha256:mariadb"]


def test_programs_of_other_services_are_not_asked(gate: Gate) -> None:
    gate.tags = frozenset({"mariadb"})
    assert gate.engine is not None
    gate.validation()
    assert gate.engine.asked == ["sha256:mariadb"]


def test_without_the_engine_or_an_image_one_sentence_says_so(gate: Gate) -> None:
    gate.engine = Engine("sha256:haproxy")
    assert gate.validation().unchecked == (
        "configuration of mariadb is not checked by the programs themselves:"
        " the images are not on this machine",
    )
    gate.engine = None
    gate.world.override("haproxy/haproxy.cfg", "global\n")
    assert gate.validation().unchecked == (
        "configuration of haproxy, mariadb is not checked by the programs themselves:"
        " no container engine answers",
    )


def test_the_settings_say_what_a_deploy_does_about_it(gate: Gate) -> None:
    gate.known["keystone"] = {}
    gate.world.override("notes.conf", "[DEFAULT]\nshot = yes\nshut = yes\n")
    with pytest.raises(InputErrors) as caught:
        Verbs(gate).deploys(gate)
    assert len(caught.value.errors) == 2
    gate.world.globals["config_validation"] = "warn"
    shot, shut = Verbs(gate).deploys(gate)
    assert shot.endswith("[DEFAULT] shot: there is no such option; did you mean 'shout'?")
    assert shut.endswith("[DEFAULT] shut: there is no such option; did you mean 'shout'?")
    gate.world.globals["config_validation"] = "off"
    gate.engine = None
    assert Verbs(gate).deploys(gate) == ()
