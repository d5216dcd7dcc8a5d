"""What a member of a cluster knows of its data, and what it does about it when it starts.

Galera keeps two files beside the data. `grastate.dat` has the cluster's id and how far the data is (`seqno`,
-1 while the server runs and after it was killed), and whether this member was the last one there was
(`safe_to_bootstrap`). `gvwstate.dat` names the members it was with; a clean end removes it. Those who lost
power find each other by it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import server

STATE, VIEW = "grastate.dat", "gvwstate.dat"
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The id of no cluster."""
UNKNOWN = -1
"""The position of a server that runs or was killed."""
REMEDY = "remove the volume on the hosts where what is in it is not needed, and deploy"
POSITION = re.compile(r"WSREP: Recovered position: ([0-9a-f-]{36}):(-?\d+)")


@dataclass(frozen=True)
class Position:
    """A cluster, and how far in it: positions of one cluster compare."""

    cluster: str
    seqno: int

    @property
    def known(self) -> bool:
        """Whether it says anything."""
        return self.cluster != NOBODY and self.seqno != UNKNOWN

    def __str__(self) -> str:
        return f"{self.cluster}:{self.seqno}"


@dataclass(frozen=True)
class Member:
    """What lies on this host."""

    data: bool
    """Whether there is any."""
    saved: Position | None
    """What `grastate.dat` says; None without such a file."""
    last: bool
    """Whether nobody can have more: it may begin the cluster again."""
    view: bool
    """Whether it knows whom it was with when it was killed."""

    @property
    def cluster(self) -> str:
        """The cluster that its data is of."""
        return self.saved.cluster if self.saved else NOBODY

    @property
    def alone(self) -> bool:
        """Whether the data is of a server that was in no cluster."""
        return self.data and (self.saved is None or (self.last and self.cluster == NOBODY))


def look(data: Path) -> Member:
    """What lies in a data directory."""
    state = data / STATE
    fields = parsed(state.read_text(errors="replace")) if state.exists() else None
    return Member(
        data=(data / "ibdata1").exists(),
        saved=position(fields) if fields is not None else None,
        last=fields is not None and fields.get("safe_to_bootstrap") == "1",
        view=(data / VIEW).exists(),
    )


def parsed(text: str) -> dict[str, str]:
    """The fields of `grastate.dat`."""
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs if value.strip()}


def position(fields: Mapping[str, str]) -> Position:
    """The position those fields tell; what a power cut left of them may tell none."""
    seqno = fields.get("seqno", "")
    valid = re.fullmatch(r"-?\d+", seqno) is not None
    return Position(fields.get("uuid", NOBODY), int(seqno) if valid else UNKNOWN)


def mark(data: Path, at: Position) -> None:
    """Have the next start of this host begin the cluster."""
    text = (
        "# GALERA saved state\n"
        f"version: 2.1\nuuid:    {at.cluster}\nseqno:   {at.seqno}\nsafe_to_bootstrap: 1\n"
    )
    new = data / f".{STATE}.new"
    new.write_text(text)
    new.rename(data / STATE)
    (data / VIEW).unlink(missing_ok=True)


def decide(here: Member, others: Mapping[str, str]) -> str:
    """`found`, `join` or `wait`; server.Fault when either could lose something.

    `others`: address -> the cluster that a member there serves, "" where none does.
    """
    serving = sorted({cluster for cluster in others.values() if cluster})
    if serving:
        if here.alone:
            raise server.Fault(f"the data here is of a server alone, and others have a cluster: {REMEDY}")
        if here.cluster not in (NOBODY, *serving):
            raise server.Fault(
                f"the data here is of cluster {here.cluster}, others serve {', '.join(serving)}: {REMEDY}"
            )
        return "join"
    if here.last:
        return "found"
    if here.alone:
        raise server.Fault(f"the data here is of a server alone, on a host that is not the first: {REMEDY}")
    return "join" if here.view else "wait"


def reached(data: Path, here: Member) -> Position:
    """How far the data is, asked of the storage engine where the file beside it does not say.

    server.Fault when it cannot be read.
    """
    if here.saved is not None and here.saved.known:
        return here.saved
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log.err")  # without a suffix it would get this one
        # Where the configuration has the log would be the only place that says it.
        server.run(
            ["mariadbd", f"--datadir={data}", "--wsrep-recover", f"--log-error={log}"],
            "",
            "the data does not tell how far it is",
        )
        found = POSITION.findall(log.read_text(errors="replace"))
    if not found:
        raise server.Fault("the data does not tell how far it is")
    cluster, seqno = found[-1]
    return Position(cluster, int(seqno))
