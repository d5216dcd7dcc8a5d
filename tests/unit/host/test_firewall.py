"""The packet filter: our table as text, and what is said of other tables."""

from __future__ import annotations

from typing import Any

import pytest

from kolla.host import firewall, precheck
from kolla.host.errors import Refusal

DROP = "ip daddr 10.0.0.1 tcp dport { 3306 } ip saddr != { 10.0.0.0/24 } drop"
ACCEPT = "ip daddr 10.0.0.1 tcp dport { 8080 } accept"

SCRIPT = f"""\
table inet kolla
delete table inet kolla
table inet kolla {{
	chain input {{
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		ct state established,related accept
		{ACCEPT}
		{DROP}
	}}
}}
"""


def test_the_table_is_replaced_at_once_and_lets_in_before_it_drops() -> None:
    assert firewall.script([DROP, ACCEPT]) == SCRIPT


@pytest.mark.parametrize(
    ("expressions", "end"),
    [
        ([], False),
        ([[{"drop": None}]], True),
        ([[{"counter": {}}, {"log": {}}, {"reject": {"type": "icmpx"}}]], True),
        ([[{"match": {}}, {"drop": None}]], False),
        ([[{"drop": None}], [{"match": {}}, {"accept": None}]], False),
        ([[{"jump": {"target": "x"}}]], False),
    ],
)
def test_a_chain_ends_with_what_takes_all_that_is_left(expressions: list[Any], end: bool) -> None:
    listed = [{"metainfo": {}}, {"chain": {}}, *({"rule": {"expr": each}} for each in expressions)]
    assert firewall.is_end(listed) is end


@pytest.mark.parametrize(
    ("there", "wanted", "chains", "said"),
    [
        (False, False, [], []),
        (False, True, [], [("nft", False, False)]),
        (True, False, [], []),
        (True, True, [], [("nft", True, False)]),
        (True, False, ["ip filter INPUT"], [("ip filter INPUT", True, True)]),
    ],
)
def test_what_keeps_a_firewall_away_and_what_it_cannot_open(
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    wanted: bool,
    chains: list[str],
    said: list[tuple[str, bool, bool]],
) -> None:
    monkeypatch.setattr(firewall, "is_there", lambda: there)
    monkeypatch.setattr(firewall, "closed", lambda: chains)
    found = precheck._firewall(wanted)
    assert [(each["subject"], each["ok"], each["warning"]) for each in found] == said


def test_a_kernel_without_a_packet_filter_matters_where_one_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed() -> list[str]:
        raise Refusal("failed", "'nft' ended with exit status 1")

    monkeypatch.setattr(firewall, "is_there", lambda: True)
    monkeypatch.setattr(firewall, "closed", closed)
    assert [each["ok"] for each in precheck._firewall(True)] == [False]
    assert precheck._firewall(False) == []
