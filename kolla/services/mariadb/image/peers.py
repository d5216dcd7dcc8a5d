"""The other members of the cluster, asked over the network."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

MONITOR = "/etc/mysql/healthcheck.cnf"
"""How to log in at a member."""
STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN "
    "('wsrep_cluster_status', 'wsrep_cluster_state_uuid', 'wsrep_ready')"
)
TIMEOUT = 3
"""Seconds for the answer of a member."""


def members(options: Mapping[str, str]) -> list[str]:
    """The addresses of all members, by the server's options."""
    places = options["wsrep_cluster_address"].removeprefix("gcomm://").split(",")
    return [_address(place) for place in places]


def others(options: Mapping[str, str]) -> list[str]:
    """Those that are not here."""
    here = _address(options["wsrep_node_address"])
    return [member for member in members(options) if member != here]


def _address(place: str) -> str:
    """What stands before the port; an IPv6 address without its brackets."""
    return place.rpartition(":")[0].strip("[]")


def ask(address: str) -> str:
    """The cluster that a member serves, "" when it serves none."""
    command = ["mariadb", f"--defaults-file={MONITOR}", f"--host={address}", f"--connect-timeout={TIMEOUT}"]
    try:
        said = subprocess.run(
            [*command, "--batch", "--skip-column-names", f"--execute={STATUS}"],
            capture_output=True,
            text=True,
            timeout=2 * TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return ""
    return serves(said.stdout)


def serves(status: str) -> str:
    """The cluster in an answer to STATUS, "" when the member does not take part in it now."""
    found = dict(line.partition("\t")[::2] for line in status.splitlines())
    takes_part = found.get("wsrep_cluster_status") == "Primary" and found.get("wsrep_ready") == "ON"
    return found.get("wsrep_cluster_state_uuid", "") if takes_part else ""
