"""Prechecks of a host."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from kolla.host import listeners, precheck


@pytest.mark.parametrize(
    ("address", "nonlocal_bind", "ok"),
    [
        ("127.0.0.1", "0", True),
        ("203.0.113.250", "0", False),
        ("203.0.113.250", "1", True),
        ("2001:db8::250", "0", False),
        ("2001:db8::250", "1", True),
    ],
)
def test_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, nonlocal_bind: str, ok: bool
) -> None:
    (tmp_path / ("ipv6" if ":" in address else "ipv4")).write_text(nonlocal_bind + "\n")
    monkeypatch.setattr(precheck, "NONLOCAL_BIND", str(tmp_path / "{}"))
    finding = precheck._address(address)
    assert finding["ok"] is ok
    assert finding["subject"] == address
    assert ("ip address add" in finding["hint"]) is not ok


NETWORK = {"addresses": ["198.51.100.1"], "addresses6": [], "networks": ["198.51.100.0/24", "203.0.113.9/32"]}


@pytest.mark.parametrize(
    ("address", "container", "held", "stranger", "said"),
    [
        ("198.51.100.250", "", False, None, None),
        ("198.51.100.250", "", False, "02:42:00:00:00:01", "somebody who is not of this cloud has it"),
        ("198.51.100.250", "", True, "02:42:00:00:00:01", None),
        ("203.0.113.9", "", False, None, "no interface of this host is in a network with it"),
        ("198.51.100.1", "", True, None, "interface eth0 has it already"),
        ("198.51.100.1", "mover", True, None, None),
    ],
)
def test_a_virtual_address_has_a_place_and_is_nobody_elses(
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    container: str,
    held: bool,
    stranger: str | None,
    said: str | None,
) -> None:
    monkeypatch.setattr(precheck.facts, "interfaces", lambda: {"eth0": NETWORK})
    monkeypatch.setattr(precheck.neighbour, "answers", lambda asked: stranger)
    asked = {"address": address, "name": "mover", "container": "mover", "held": held}
    finding = precheck._virtual(asked, {1: container} if container else {})
    assert finding["ok"] is (said is None)
    assert said is None or said in finding["message"]


CPUINFO = "processor\t: 0\nflags\t\t: fpu {} hypervisor\nvmx flags\t: x\n"


@pytest.mark.parametrize(
    ("architecture", "flag", "able"),
    [("x86_64", "vmx", True), ("x86_64", "svm", True), ("x86_64", "sse", False), ("aarch64", "", True)],
)
def test_a_processor_says_that_it_virtualizes(architecture: str, flag: str, able: bool) -> None:
    assert precheck._virtualizes(architecture, CPUINFO.format(flag)) is able


@pytest.mark.parametrize(("device", "able"), [(False, True), (True, False), (False, False), (True, True)])
def test_kvm_needs_device_and_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: bool, able: bool
) -> None:
    monkeypatch.setattr(precheck, "KVM", tmp_path / "kvm")
    monkeypatch.setattr(precheck, "_virtualizes", lambda architecture, cpuinfo: able)
    if device:
        (tmp_path / "kvm").touch()
    finding = precheck._virtualization({"kind": "kvm", "setting": "virt_type", "name": "web"})
    assert finding["ok"] is (device and able)
    assert ("set virt_type: qemu" in finding["hint"]) is not finding["ok"]
    assert ("no proof" in finding["hint"]) is (device and not able)


def test_emulation_is_fine_and_said() -> None:
    finding = precheck._virtualization({"kind": "qemu", "setting": "", "name": "web"})
    assert finding["ok"] and "emulation" in finding["message"]


def test_directories_of_one_file_system_share_its_space(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    half = {str(tmp_path / "a"): free * 6 // 10, str(tmp_path / "b"): free * 6 // 10}
    (finding,) = precheck._space(half)
    assert not finding["ok"]
    assert finding["subject"] == f"{tmp_path / 'a'}, {tmp_path / 'b'}"
    (finding,) = precheck._space({str(tmp_path / "a"): 1})
    assert finding["ok"]


@pytest.mark.parametrize(
    ("name", "leads_to", "ok", "warning"),
    [
        ("node1", ["10.0.0.1"], True, False),
        ("node1", ["127.0.1.1"], True, False),
        ("node1", [], True, False),
        ("node1", ["203.0.113.9"], True, True),
        ("localhost.localdomain", ["127.0.0.1"], False, False),
    ],
)
def test_a_hosts_name_leads_to_itself(
    monkeypatch: pytest.MonkeyPatch, name: str, leads_to: list[str], ok: bool, warning: bool
) -> None:
    def resolve(host: str, port: None) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if not leads_to:
            raise OSError("nothing known")
        return [(2, 1, 6, "", (address, 0)) for address in leads_to]

    monkeypatch.setattr(precheck.socket, "getaddrinfo", resolve)
    finding = precheck._hostname(name, ["10.0.0.1"])
    assert (finding["ok"], finding["warning"]) == (ok, warning)


@pytest.mark.parametrize(
    ("name", "version", "ok"),
    [
        ("docker", "20.10.24", True),
        ("docker", "19.03.15", False),
        ("podman", "5.4.2", True),
        ("podman", "4.3.1", False),
    ],
)
def test_an_engine_that_is_too_old(name: str, version: str, ok: bool) -> None:
    assert precheck._engine(name, version)["ok"] is ok


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    assert not precheck._device(str(tmp_path / "tun"), "web")["ok"]
    assert precheck._device(str(tmp_path), "web")["ok"]


def test_a_socket_is_for_the_cloud_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        assert listeners.listening_at(path) == []
        listener.listen()
        inodes = listeners.listening_at(path)
        (tmp_path / "there").symlink_to(tmp_path)
        assert listeners.listening_at(str(tmp_path / "there" / "app.sock")) == inodes
        finding = precheck._socket(path, "app", inodes, {})
        assert not finding["ok"]
        assert f"so does process {os.getpid()} (" in finding["message"]
        assert precheck._socket(path, "app", inodes, {os.getppid(): "our container"})["ok"]
    assert precheck._socket(path, "app", listeners.listening_at(path), {})["ok"]


def test_sockets_without_a_path_or_a_listener_are_nobodys_concern() -> None:
    table = (
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 105824 /run/a b.sock\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 114249 /run/a b.sock\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 110258 @/run/abstract\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 114250\n"
    )
    assert listeners.parse_unix(table) == [("/run/a b.sock", "105824")]


class Elsewhere:
    """An engine whose data was moved."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def directory(self) -> str:
        return str(self._directory)


def test_space_is_looked_for_where_the_engine_keeps_its_data(tmp_path: Path) -> None:
    request = {"directories": {str(tmp_path): 5, "/srv/notes": 1}, "engine_space": 7}
    assert precheck._directories(request, Elsewhere(tmp_path)) == {str(tmp_path): 12, "/srv/notes": 1}
    assert precheck._directories(request, None) == {str(tmp_path): 5, "/srv/notes": 1}
