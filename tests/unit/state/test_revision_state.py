from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from kolla.errors import KollaError
from kolla.state import explain, revision_state
from kolla.state.desired import Desired
from kolla.state.reconcile import reconcile
from kolla.state.revision_diff import as_applied, differences


def saved(desired: Desired) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(revision_state.document(desired)))
    return document


def back(desired: Desired) -> Desired:
    """Through the document and back, as another process would read it."""
    contents = {digest: content.decode() for digest, content in desired.bundle().items()}
    return revision_state.restored(saved(desired), contents.__getitem__)


def bare(desired: Desired) -> Desired:
    """Without what no revision keeps."""
    return revision_state.narrowed(desired, lambda: None, desired.hosts, None)


@pytest.mark.parametrize("hosts", [("one",), ("one", "two", "three")])
def test_a_state_that_was_saved_is_the_same_state(tmp_path: Path, hosts: tuple[str, ...]) -> None:
    desired = bare(World(tmp_path, hosts).desired)
    again = back(desired)
    assert again == bare(again)
    assert saved(again) == saved(desired)
    assert [c.spec for c in again.containers] == [c.spec for c in desired.containers]
    assert [c.config.folder for c in again.containers] == [c.config.folder for c in desired.containers]
    assert again.bundle() == desired.bundle()
    assert again.endpoints == desired.endpoints
    assert again.host_needs == desired.host_needs
    assert again.secrets == desired.secrets


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), pick=st.randoms())
def test_any_text_of_a_file_comes_back_as_it_was(desired: Desired, text: str, pick: Any) -> None:
    container = pick.choice(desired.containers)
    name = pick.choice(sorted(container.config.files))
    file = container.config.files[name]
    changed = replace(file, merged=replace(file.merged, text=text))
    config = replace(container.config, files={**container.config.files, name: changed})
    other = replace(desired, containers=(replace(container, config=config),))
    assert back(other).containers[0].config.files[name].content == text.encode()


@pytest.fixture(scope="module")
def desired(tmp_path_factory: pytest.TempPathFactory) -> Desired:
    return bare(World(tmp_path_factory.mktemp("world")).desired)


def test_no_text_of_a_file_is_in_the_document(desired: Desired) -> None:
    document = {key: value for key, value in saved(desired).items() if key != "secrets"}
    text = json.dumps(document)
    assert not [secret for secret in desired.secrets if secret in text]


def test_sets_are_sorted_so_that_another_process_writes_the_same_bytes(desired: Desired) -> None:
    document = saved(desired)
    files = [file for c in document["containers"] for file in c["config"]["files"].values()]
    assert document["secrets"] == sorted(desired.secrets)
    assert {tuple(file["secrets"]) for file in files} == {()}


def test_a_future_format_is_one_clear_error(desired: Desired) -> None:
    with pytest.raises(KollaError) as caught:
        revision_state.restored({**saved(desired), "format": 2}, lambda digest: "")
    assert str(caught.value) == (
        "the state of this revision has format 2\n  expected: format 1, which this version of kolla reads"
    )


def test_a_state_that_was_tampered_with_is_one_clear_error(desired: Desired) -> None:
    document = saved(desired)
    del document["containers"][0]["spec"]["image"]
    with pytest.raises(KollaError, match=r"cannot be read: containers\.0\.spec\.image$"):
        revision_state.restored(document, lambda digest: "")


def test_a_plan_towards_a_revision_undoes_what_came_after_and_runs_no_job(deployed: World) -> None:
    before = back(deployed.desired)
    deployed.override("keystone.conf", "[token]\nexpiration = 60\n")
    deployed.image_ids["keystone"] = "sha256:keystone-new"
    deployed.globals["enable_notes"] = False
    deployed.carry_out(reconcile(deployed.desired, deployed.states))
    plan = reconcile(before, deployed.states)
    assert {explain.title(operation): operation.causes[-1] for operation in plan.operations} == {
        "reload container haproxy": "notes.cfg: missing",
        "recreate container keystone": (
            "keystone.conf: [token] expiration 60 -> 3600, set by template keystone.conf.j2"
        ),
        "create container notes": "it does not exist",
    }


def test_a_revision_that_runs_needs_no_plan(deployed: World) -> None:
    assert not reconcile(back(deployed.desired), deployed.states)


def test_a_revision_differs_from_another_in_what_a_plan_would_say(world: World) -> None:
    old = back(world.desired)
    world.override("keystone.conf", "[token]\nexpiration = 60\n")
    world.globals["enable_notes"] = False
    found = differences(old, back(world.desired))
    assert [(d.host, d.what, d.subject) for d in found] == [
        ("one", "changed", "container haproxy"),
        ("one", "changed", "container keystone"),
        ("one", "removed", "container notes"),
    ]
    assert found[1].details == ("keystone.conf: [token] expiration 3600 -> 60, set by config/keystone.conf",)
    assert differences(old, old) == ()


def test_differences_mask_secrets_of_both(world: World) -> None:
    world.override("keystone.conf", "[oslo]\nword = {{ keystone_admin_password }}\n")
    old = back(world.desired)
    world.override("keystone.conf", "[oslo]\nword = nothing\n")
    new = replace(back(world.desired), secrets=frozenset())
    text = str(differences(old, new))
    assert "***" in text
    assert not [secret for secret in old.secrets if secret in text]


def test_a_change_of_some_services_leaves_the_others_as_they_were(world: World) -> None:
    old = back(world.desired)
    world.override("keystone.conf", "[token]\nexpiration = 60\n")
    world.override("global.conf", "[DEFAULT]\ndebug = True\n")
    new = revision_state.narrowed(world.desired, lambda: old, ("one",), ("notes",))
    assert {d.subject for d in differences(old, new)} == {"container notes"}
    assert {c.id for c in new.containers} == {c.id for c in old.containers}


def test_a_change_of_some_hosts_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    world = World(tmp_path, ("one", "two"))
    old = back(world.desired)
    world.override("keystone.conf", "[token]\nexpiration = 60\n")
    new = revision_state.narrowed(world.desired, lambda: old, ("two",), None)
    assert {d.host for d in differences(old, new)} == {"two"}
    first = revision_state.narrowed(world.desired, lambda: None, ("two",), None)
    assert {c.host for c in first.containers} == {"two"}


def test_what_was_applied_is_what_a_faithful_executor_leaves(deployed: World) -> None:
    states = as_applied(deployed.desired, deployed.desired)
    plan = reconcile(deployed.desired, states)
    assert {operation.kind for operation in plan.operations} <= {"job", "image", "volume", "endpoint"}
