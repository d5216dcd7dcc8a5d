"""OVN says where its databases are, and that there is one of each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from kolla.errors import Location
from kolla.settings.expressions import evaluate, render

from .scripts import SERVICES

WHERE = Location(Path("service.yml"))
SERVICE: dict[str, Any] = yaml.safe_load((SERVICES / "ovn/service.yml").read_text())


def test_a_second_host_for_the_databases_is_refused() -> None:
    when = SERVICE["containers"]["ovn-nb-db"]["when"]
    assert evaluate(when, {"groups": {"ovn-database": ("one",)}}, WHERE) is True
    # Text is no answer to `when`: whoever asks gets it as an error.
    assert "not clustered yet" in evaluate(when, {"groups": {"ovn-database": ("one", "two")}}, WHERE)


def test_consumers_are_told_every_member() -> None:
    members = [SimpleNamespace(address="10.0.0.5"), SimpleNamespace(address="10.0.0.6")]
    scope = {"endpoint": SimpleNamespace(members=members), "ovn_nb_db_port": 6641, "ovn_sb_db_port": 6642}
    variables = SERVICE["provides"]["overlay"]["variables"]
    assert render(variables["nb_connection"], scope, WHERE) == "tcp:10.0.0.5:6641,tcp:10.0.0.6:6641"
    assert render(variables["sb_connection"], scope, WHERE) == "tcp:10.0.0.5:6642,tcp:10.0.0.6:6642"
