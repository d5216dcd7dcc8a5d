"""Kernel modules and sysctls, in a copy of the files a kernel shows."""

import platform
from pathlib import Path

import pytest

from kolla.host import kernel


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LOADED", "MODULES", "SYSCTLS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(kernel, name, tmp_path / name)
    return tmp_path


def test_a_module_is_loaded_built_in_loadable_or_not_there(root: Path) -> None:
    (root / "LOADED" / "br_netfilter").mkdir()
    tree = root / "MODULES" / platform.release()
    tree.mkdir()
    (tree / "modules.builtin").write_text("kernel/net/bridge/bridge.ko\n")
    (tree / "modules.dep").write_text(
        "kernel/net/openvswitch/openvswitch.ko.xz: kernel/lib/libcrc32c.ko.xz\n"
    )
    names = ["br-netfilter", "bridge", "openvswitch", "vxlan", "libcrc32c"]
    assert kernel.available(names) == ["br-netfilter", "bridge", "openvswitch"]
    assert [name for name in names if kernel.is_loaded(name)] == ["br-netfilter", "bridge"]


def test_a_kernel_without_modules_has_what_it_shows(root: Path) -> None:
    (root / "LOADED" / "vxlan").mkdir()
    assert kernel.available(["vxlan", "openvswitch"]) == ["vxlan"]


def test_a_sysctl_is_found_by_dots_and_its_words_are_one_space_apart(root: Path) -> None:
    file = root / "SYSCTLS" / "net" / "ipv4" / "tcp_rmem"
    file.parent.mkdir(parents=True)
    file.write_text("4096\t131072\t6291456\n")
    assert kernel.sysctl("net.ipv4.tcp_rmem") == "4096 131072 6291456"
    assert kernel.sysctl("net.ipv4.tcp_nothing") is None


def test_a_slash_stands_for_the_dot_of_a_name(root: Path) -> None:
    file = root / "SYSCTLS" / "net" / "eth0.100" / "forwarding"
    file.parent.mkdir(parents=True)
    file.write_text("0\n")
    kernel.set_sysctl("net.eth0/100.forwarding", "1")
    assert file.read_text() == "1\n"
