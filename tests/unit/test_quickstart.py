"""What quickstart writes, and how it tells people to go on."""

from pathlib import Path

import pytest
import yaml

from kolla.configuration import Configuration
from kolla.errors import InputError
from kolla.quickstart import COMMENTS, Quickstarted, configure


@pytest.fixture(autouse=True)
def own_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("kolla.quickstart.own_address", lambda: "192.0.2.9")
    monkeypatch.setattr("kolla.places.state_root", lambda: tmp_path / "state")


def written(tmp_path: Path, extra: str = "") -> str:
    added = tmp_path / "extra.yml"
    added.write_text(extra)
    directory = tmp_path / "etc"
    configure(Configuration(directory), added)
    return (directory / "globals.yml").read_text()


def test_every_setting_of_a_new_configuration_says_why(tmp_path: Path) -> None:
    text = written(tmp_path)
    found = yaml.safe_load(text)
    assert found["neutron_bridge_address"] == "10.0.2.1/24"
    assert found["nova_compute_virt_type"] == "qemu"
    assert found["kolla_internal_vip_address"] == "192.0.2.9"
    for key, comment in COMMENTS.items():
        assert f"# {comment.splitlines()[-1]}\n{key}:" in text


def test_settings_of_ones_own_win(tmp_path: Path) -> None:
    text = written(tmp_path, "nova_compute_virt_type: kvm\ncustom: {a: {b: [1, 2]}}\n")
    found = yaml.safe_load(text)
    assert found["nova_compute_virt_type"] == "kvm"
    assert found["custom"] == {"a": {"b": [1, 2]}}
    assert text.count("nova_compute_virt_type") == 1


def test_a_configuration_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/globals.yml").write_text("network_interface: eth0\n")
    with pytest.raises(InputError, match="did not make"):
        configure(Configuration(tmp_path / "etc"), None)
    assert (tmp_path / "etc/globals.yml").read_text() == "network_interface: eth0\n"


def ended(**server: object) -> str:
    phases = (("deploy", 60.0),)
    return Quickstarted(
        phases, "All 27 checks passed.", server, Path("/etc/kolla"), "volume kolla_logs"
    ).text()


def test_the_summary_tells_how_to_log_in() -> None:
    text = ended(message="server demo1 knows its name", next=["ssh -i {directory}/demo_key root@10.0.2.150"])
    assert "  server    server demo1 knows its name\n" in text
    assert "\n            ssh -i /etc/kolla/demo_key root@10.0.2.150\n" in text


def test_a_cloud_without_a_server_is_ready_too() -> None:
    assert "server  " not in ended()
