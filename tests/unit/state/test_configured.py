"""What is said of configuration that images do not take, and what stands in the way of a deploy."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from oslo_config import cfg
from world import World

from kolla.build_report import BuildReport
from kolla.config.option_schema import Schema
from kolla.configuration import Configuration
from kolla.images.inside.oslo_options import add
from kolla.places import Places
from kolla.state.derive import desire
from kolla.validation import Validation

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


class Gate:
    """A cloud whose images know the options above; `notes` all that its template says."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.directory = world, directory
        self.known = {image: dict(groups) for image, groups in KNOWN.items()}
        self.unread: dict[str, str] = {}
        self.tags: frozenset[str] | None = None

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

    def validation(self) -> Validation:
        settings = self.world.settings
        read = SimpleNamespace(places=Places(self.directory), settings=settings, services=lambda: self.tags)
        desired = desire(settings, self.report(), self.world.facts)
        return Validation.of(cast(Configuration, read), desired, self.world.hosts)


@pytest.fixture
def gate(world: World, tmp_path: Path) -> Gate:
    state = tmp_path / "state"
    state.mkdir()
    return Gate(world, state)


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


def test_one_line_read_on_several_hosts_is_told_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    gate = Gate(World(tmp_path, hosts=("one", "two", "three", "four", "five")), state)
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
    assert [found.name for found in first.fine] == ["notes"]
    loaded: list[Path] = []

    def load(path: Path) -> Schema:
        loaded.append(path)
        return Schema(json.loads(path.read_text()))

    monkeypatch.setattr(Schema, "load", load)
    assert [found.name for found in gate.validation().fine] == ["notes"]
    assert {path.parent.name for path in loaded} == {"keystone"}
    gate.world.override("notes.conf", "[DEFAULT]\nshout = a\n")
    gate.validation()
    assert {path.parent.name for path in loaded} == {"keystone", "notes"}
