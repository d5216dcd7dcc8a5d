"""Prechecks of a host."""

from pathlib import Path

import pytest

from kolla.host import precheck


@pytest.mark.parametrize(
    ("address", "nonlocal_bind", "ok"),
    [("127.0.0.1", "0", True), ("203.0.113.250", "0", False), ("203.0.113.250", "1", True)],
)
def test_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, nonlocal_bind: str, ok: bool
) -> None:
    switch = tmp_path / "ip_nonlocal_bind"
    switch.write_text(nonlocal_bind + "\n")
    monkeypatch.setattr(precheck, "NONLOCAL_BIND", switch)
    finding = precheck._address(address)
    assert finding["ok"] is ok
    assert finding["subject"] == address
    assert ("ip address add" in finding["hint"]) is not ok
