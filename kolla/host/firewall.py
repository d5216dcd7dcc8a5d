"""The packet filter of this host: a table of our own, which takes away what its rules say and leaves the
rest to all other tables, as before (nft(8))."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import commands, directories, files
from .cloud import Cloud
from .engines import KINDS
from .errors import OperationFailed, Refusal
from .manifest import Manifest
from .shapes import Json

PROGRAM, PACKAGE = "nft", "nftables"

TABLE = "inet kolla"

DROP_INS = {
    kind.name: Path(f"/etc/systemd/system/{kind.boot}.d/kolla-firewall.conf") for kind in KINDS.values()
}
"""Engine -> what has the rules be there before it starts containers, whatever else fills the packet filter at
a start of the host (systemd.unit(5))."""


def script(rules: Iterable[str]) -> str:
    """What nft reads to have the table with these rules and no others, all at once. What this host says to
    itself, and answers to what it asked, are nobody's to drop; what lets in comes before what drops."""
    lines = sorted(rules, key=lambda rule: (not rule.endswith(" accept"), rule))
    chain = [
        "type filter hook input priority filter; policy accept;",
        'iifname "lo" accept',
        "ct state established,related accept",
        *lines,
    ]
    body = "\n".join(f"\t\t{line}" for line in chain)
    return f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n\tchain input {{\n{body}\n\t}}\n}}\n"


def loaded(cloud: Cloud) -> list[str]:
    """The rules the kernel has, sorted; none when the table is not as it was when they were loaded."""
    record = files.read_json(cloud.firewall_record)
    return record["rules"] if record and record["listed"] == _listed() else []


def ensure(rules: Iterable[str], engine: str, cloud: Cloud, manifest: Manifest) -> None:
    """Have the table with these rules, and have it come back with the host; without any, have no table.

    OperationFailed when the kernel does not take them.
    """
    wanted = sorted(set(rules))
    if not wanted:
        remove(cloud, manifest)
    elif loaded(cloud) != wanted:
        _load(wanted, DROP_INS[engine], cloud, manifest)


def remove(cloud: Cloud, manifest: Manifest) -> bool:
    """Have no table of ours. Whether there was one."""
    if not cloud.firewall_record.exists():
        return False
    if _listed() is not None:
        _nft("delete", "table", *TABLE.split())
    for drop_in in DROP_INS.values():
        drop_in.unlink(missing_ok=True)
        manifest.remove("files", [str(drop_in)])
        directories.remove(drop_in.parent, manifest)
    cloud.firewall_script.unlink(missing_ok=True)
    cloud.firewall_record.unlink()
    return True


def _load(rules: list[str], drop_in: Path, cloud: Cloud, manifest: Manifest) -> None:
    # On record before it is there, so that whoever is killed in between leaves nothing that nobody knows of.
    files.write_json(cloud.firewall_record, {"rules": rules, "listed": ""})
    files.write(cloud.firewall_script, script(rules).encode())
    _nft("-f", str(cloud.firewall_script))
    directories.make(drop_in.parent, manifest)
    manifest.add("files", [str(drop_in)])
    program = shutil.which(PROGRAM) or PROGRAM
    start = f"[Service]\nExecStartPre=-{program} -f {cloud.firewall_script}\n"
    files.write(drop_in, start.encode(), mode=0o644)
    files.write_json(cloud.firewall_record, {"rules": rules, "listed": _listed()})


def _listed() -> str | None:
    """The table as the kernel has it, without counters; None without one."""
    try:
        return commands.run(PROGRAM, "-s", "list", "table", *TABLE.split())
    except Refusal:
        return None


def _nft(*argv: str) -> None:
    try:
        commands.run(PROGRAM, *argv)
    except Refusal as refusal:
        raise OperationFailed(f"the firewall: {refusal}", refusal.details.get("log")) from None


def is_there() -> bool:
    """Whether this host has the program that loads rules."""
    return shutil.which(PROGRAM) is not None


def closed() -> list[str]:
    """Chains of others for packets that come in, which let in nothing they do not name: `inet filter input`.
    What the older iptables (legacy) keeps is not seen."""
    chains = (each["chain"] for each in _asked("list", "chains") if "chain" in each)
    places = {
        f"{chain['family']} {chain['table']} {chain['name']}": chain.get("policy")
        for chain in chains
        if chain.get("hook") == "input"
    }
    return [
        place
        for place, policy in places.items()
        if not place.startswith(f"{TABLE} ")
        and (policy == "drop" or is_end(_asked("list", "chain", *place.split())))
    ]


def is_end(listed: Iterable[Json]) -> bool:
    """Whether the last rule of a chain, in nft's JSON (libnftables-json(5)), takes whatever is left."""
    rules = [each["rule"] for each in listed if "rule" in each]
    words = [word for expression in rules[-1]["expr"] for word in expression] if rules else []
    return words[-1:] in (["drop"], ["reject"]) and set(words[:-1]) <= {"counter", "log"}


def _asked(*argv: str) -> list[Json]:
    found: list[Json] = json.loads(commands.run(PROGRAM, "-j", *argv))["nftables"]
    return found
