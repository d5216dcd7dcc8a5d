"""What the build of the dashboard's image finds and switches on."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scripts import load

assets = load("horizon", "kolla_horizon_assets")


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    """The dashboard, and beside it two plugins, with files where plugins have them, and a library."""
    packages = tmp_path / "site-packages"
    dashboard = packages / "openstack_dashboard"
    write(dashboard / "enabled" / "_1000_project.py", dashboard / "local" / "enabled" / "__init__.py")
    write(packages / "birds" / "enabled" / "__init__.py", packages / "birds" / "enabled" / "_90_birds.py")
    write(packages / "birds" / "conf" / "birds_policy.yaml")
    write(packages / "bees" / "local" / "enabled" / "_91_bees.py")
    write(packages / "bees" / "local" / "local_settings.d" / "_91_bees_settings.py")
    write(packages / "library" / "enabled" / "feature.py")
    return dashboard


def test_plugins_are_found_wherever_they_say_what_they_add(dashboard: Path) -> None:
    found = [str(path.relative_to(dashboard.parent)) for path in assets.plugins(dashboard)]
    assert found == ["bees/local", "birds"]


def test_a_plugin_brings_panels_settings_and_policies(
    dashboard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "CONFIGURATION", tmp_path / "etc")
    (tmp_path / "etc" / assets.SNIPPETS).mkdir(parents=True)
    for plugin in assets.plugins(dashboard):
        assets.switch_on(plugin, dashboard)
    added = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {
        "site-packages/openstack_dashboard/local/enabled/_90_birds.py",
        "site-packages/openstack_dashboard/local/enabled/_91_bees.py",
        "site-packages/openstack_dashboard/conf/birds_policy.yaml",
        "etc/local_settings.d/_91_bees_settings.py",
    } <= added
    assert (dashboard / "local" / "enabled" / "__init__.py").read_text() == "__init__.py"


def test_a_link_takes_the_place_of_whatever_is_there(tmp_path: Path) -> None:
    write(tmp_path / "place" / "file")
    assets.link(tmp_path / "place", tmp_path / "first")
    assets.link(tmp_path / "place", tmp_path / "second")
    assert (tmp_path / "place").readlink() == tmp_path / "second"
