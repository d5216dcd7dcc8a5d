"""Placing configuration in a container, and telling whether it has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kolla.runtime.lib.kolla_runtime import defaults, place, set_configs

from .conftest import ME, SOURCES, Container, item


def test_a_file_is_placed_with_owner_mode_and_command(container: Container) -> None:
    container.write(f"{SOURCES}/a.conf", "one")
    container.configure(item("a.conf", "/etc/app/"), command="run --me")
    assert container.start() == 0
    assert container.read("/etc/app/a.conf") == "one"
    assert container.mode("/etc/app/a.conf") == "0600"
    assert container.read("/run_command") == "run --me"
    assert container.mode("/run_command") == "0644"
    assert container.check() == 0


def test_globs_place_every_match(container: Container) -> None:
    container.write(f"{SOURCES}/a.conf", "a")
    container.write(f"{SOURCES}/b.conf", "b")
    container.configure(item("*.conf", "/etc/app/"))
    assert container.start() == 0
    assert sorted(path.name for path in container.path("/etc/app").iterdir()) == ["a.conf", "b.conf"]


def test_a_directory_is_copied_and_may_be_entered_by_who_may_read_it(container: Container) -> None:
    container.write(f"{SOURCES}/d/sub/x", "x")
    container.configure(item("d", "/etc/d", perm="0640"))
    assert container.start() == 0
    assert (container.mode("/etc/d"), container.mode("/etc/d/sub"), container.mode("/etc/d/sub/x")) == (
        "0750",
        "0750",
        "0640",
    )


def test_without_merge_the_destination_is_replaced(container: Container) -> None:
    container.write(f"{SOURCES}/d/new", "")
    container.write("/etc/d/old", "")
    container.configure(item("d", "/etc/d"))
    assert container.start() == 0
    assert [path.name for path in container.path("/etc/d").iterdir()] == ["new"]


def test_with_merge_the_image_keeps_its_files_and_its_directory(container: Container) -> None:
    container.write(f"{SOURCES}/d/new", "")
    container.write("/etc/d/old", "")
    container.path("/etc/d").chmod(0o755)
    container.configure(item("d", "/etc/d", merge=True))
    assert container.start() == 0
    assert sorted(path.name for path in container.path("/etc/d").iterdir()) == ["new", "old"]
    assert container.mode("/etc/d") == "0755"
    assert container.check() == 0


def test_merged_and_preserved_links_stay_links_and_others_are_followed(container: Container) -> None:
    container.write(f"{SOURCES}/d/x", "x")
    container.path(f"{SOURCES}/d/link").symlink_to("x")
    container.configure(
        item("d", "/etc/kept", merge=True, preserve_properties=True), item("d", "/etc/followed")
    )
    assert container.start() == 0
    assert os.readlink(container.path("/etc/kept/link")) == "x"
    assert not container.path("/etc/followed/link").is_symlink()
    assert container.read("/etc/followed/link") == "x"
    assert container.check() == 0
    container.path("/etc/kept/link").unlink()
    container.path("/etc/kept/link").symlink_to("y")
    assert container.check() == 1


def test_a_missing_source_is_a_fault_unless_optional(
    container: Container, capsys: pytest.CaptureFixture[str]
) -> None:
    container.configure(item("absent", "/etc/x"))
    assert container.start() == 1
    assert f"config.json: config_files[0]: source {SOURCES}/absent does not exist" in capsys.readouterr().err
    container.configure(item("absent", "/etc/x", optional=True))
    assert container.start() == 0
    assert not container.path("/etc/x").exists()
    assert container.check() == 0


def test_directories_and_files_are_made_and_kept(container: Container) -> None:
    container.path("/var/log").mkdir(parents=True)
    made = {
        "directories": [{"path": "/var/log/app", "owner": ME, "perm": "0750"}],
        "files": [{"path": "/var/log/app/app.log", "owner": ME, "perm": "0640"}],
    }
    container.configure(**made)
    assert container.start() == 0
    assert (container.mode("/var/log/app"), container.mode("/var/log/app/app.log")) == ("0750", "0640")
    container.write("/var/log/app/app.log", "a line")
    assert container.start() == 0
    assert container.read("/var/log/app/app.log") == "a line"
    assert container.mode("/var/log/app/app.log") == "0640"


@pytest.mark.parametrize("key", ["directories", "files"])
def test_what_is_made_may_not_be_a_link(container: Container, key: str) -> None:
    container.path("/etc").mkdir()
    container.path("/etc/x").symlink_to("elsewhere")
    container.configure(**{key: [{"path": "/etc/x", "owner": ME, "perm": "0600"}]})
    assert container.start() == 1


def test_a_made_file_needs_its_directory(container: Container) -> None:
    container.configure(files=[{"path": "/no/such/file", "owner": ME, "perm": "0600"}])
    assert container.start() == 1


def test_permissions_recurse_and_leave_link_targets_alone(container: Container) -> None:
    outside = container.write("/outside", "", mode=0o644)
    container.write("/data/sub/file", "")
    container.path("/data/sub/link").symlink_to(outside)
    container.configure(permissions=[{"path": "/data", "owner": ME, "perm": "0600", "recurse": True}])
    assert container.start() == 0
    assert container.mode("/data/sub") == "0700"
    assert container.mode("/data/sub/file") == "0600"
    assert container.mode("/outside") == "0644"


def test_the_user_of_the_command_is_written_down_and_checked(container: Container) -> None:
    container.configure(user="nova")
    assert container.start() == 0
    assert container.read("/run_user") == "nova"
    container.configure()
    assert container.check() == 1
    assert container.start() == 0
    assert not container.path("/run_user").exists()


def test_copy_once_copies_once(container: Container) -> None:
    container.configure(command="first")
    assert container.start(KOLLA_CONFIG_STRATEGY="COPY_ONCE") == 0
    container.configure(command="second")
    assert container.start(KOLLA_CONFIG_STRATEGY="COPY_ONCE") == 0
    assert container.read("/run_command") == "first"
    assert container.start(KOLLA_CONFIG_STRATEGY="COPY_ALWAYS") == 0
    assert container.read("/run_command") == "second"


def test_another_strategy_is_refused(container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    container.configure()
    assert container.start(KOLLA_CONFIG_STRATEGY="COPY_NEVER") == 1
    assert "COPY_ALWAYS or COPY_ONCE, not 'COPY_NEVER'" in capsys.readouterr().err


def test_an_unknown_user_is_exit_code_2(container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    container.write(f"{SOURCES}/a", "")
    container.configure(item("a", "/etc/a", owner="nosuchuser"))
    assert container.start() == 2
    assert (
        "config.json: config_files[0]: owner: this image has no user 'nosuchuser'" in capsys.readouterr().err
    )


def test_a_file_is_closed_to_others_until_owner_and_mode_are_right(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.write(f"{SOURCES}/secret", "secret")
    container.configure(item("secret", "/etc/secret", perm="0644"))
    seen = []
    own = defaults.own

    def watch(path: Path, uid: int, gid: int) -> None:
        seen.append((path.name, container.mode("/etc/secret")))
        own(path, uid, gid)

    monkeypatch.setattr(defaults, "own", watch)
    assert container.start() == 0
    assert seen == [("secret", "0600")]
    assert container.mode("/etc/secret") == "0644"


def test_bad_arguments_are_exit_code_2(container: Container) -> None:
    assert set_configs.main(["--chek"], container.root, {}) == 2


# The six known faults of the field's kolla_set_configs (container contract), one test each.


@pytest.mark.parametrize("starts", [1, 2, 3, 4])
def test_fault_1_backup_of_the_image_default_survives_any_number_of_starts(
    container: Container, starts: int
) -> None:
    container.write("/etc/app.conf", "the image's", mode=0o640)
    container.write(f"{SOURCES}/app.conf", "the operator's")
    container.configure(item("app.conf", "/etc/app.conf"))
    for _ in range(starts):
        assert container.start() == 0
    assert container.read("/etc/app.conf") == "the operator's"
    container.configure()
    assert container.start() == 0
    assert container.read("/etc/app.conf") == "the image's"
    assert container.mode("/etc/app.conf") == "0640"


def test_fault_2_an_entry_removed_from_the_configuration_is_forgotten_after_a_start(
    container: Container,
) -> None:
    container.write(f"{SOURCES}/app.conf", "x")
    container.configure(item("app.conf", "/etc/app.conf"))
    assert container.start() == 0
    container.configure()
    assert container.check() == 1
    assert container.start() == 0
    assert not container.path("/etc/app.conf").exists()
    assert container.check() == 0


@pytest.mark.parametrize(
    "placed",
    [
        item("d/x", "/etc/x", perm="600"),
        item("d/x", "/etc/x", preserve_properties=True),
        item("d", "/etc/d", perm="0600"),
        item("d", "/etc/d", perm="0644"),
        item("d", "/etc/d", preserve_properties=True),
    ],
)
def test_fault_3_what_was_just_placed_is_unchanged(container: Container, placed: dict[str, object]) -> None:
    container.write(f"{SOURCES}/d/x", "x", mode=0o604)
    container.write(f"{SOURCES}/d/sub/y", "y", mode=0o640)
    container.configure(placed)
    assert container.start() == 0
    assert container.check() == 0


def _change_mode_of_subdirectory(root: Path) -> None:
    (root / "etc/d/sub").chmod(0o777)


def _add_file(root: Path) -> None:
    (root / "etc/d/sub/extra").write_text("")


def _add_directory(root: Path) -> None:
    (root / "etc/d/extra").mkdir()


@pytest.mark.parametrize("change", [_change_mode_of_subdirectory, _add_file, _add_directory])
def test_fault_4_drift_inside_a_placed_directory_is_seen(container: Container, change: object) -> None:
    container.write(f"{SOURCES}/d/sub/y", "y")
    container.configure(item("d", "/etc/d"))
    assert container.start() == 0
    assert callable(change)
    change(container.root)
    assert container.check() == 1


def test_fault_5_every_exclude_pattern_excludes(container: Container) -> None:
    for name in ("a", "b", "c"):
        container.write(f"/data/{name}", "", mode=0o640)
    entry = {"path": "/data", "owner": ME, "perm": "0600", "recurse": True, "exclude": ["/a$", "/b$"]}
    container.configure(permissions=[entry])
    assert container.start() == 0
    assert [container.mode(f"/data/{name}") for name in ("a", "b", "c")] == ["0640", "0640", "0600"]


def test_fault_6_a_permission_of_a_placed_file_is_expected_by_the_check(container: Container) -> None:
    container.write(f"{SOURCES}/x", "x")
    container.configure(
        item("x", "/etc/app/x"), permissions=[{"path": "/etc/app/*", "owner": ME, "perm": "0644"}]
    )
    assert container.start() == 0
    assert container.mode("/etc/app/x") == "0644"
    assert container.check() == 0
    container.path("/etc/app/x").chmod(0o600)
    assert container.check() == 1


# Going on after a kill.


def test_killed_between_backup_and_copy_the_image_default_is_not_lost(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.write("/etc/app.conf", "the image's")
    container.write(f"{SOURCES}/app.conf", "the operator's")
    container.configure(item("app.conf", "/etc/app.conf"))

    def killed(*_: object) -> None:
        container.path("/etc/app.conf").unlink()
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(place, "_copy", killed)
        assert container.start() == 2
    assert container.start() == 0
    container.configure()
    assert container.start() == 0
    assert container.read("/etc/app.conf") == "the image's"
