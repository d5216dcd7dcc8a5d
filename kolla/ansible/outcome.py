"""What came of an execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kolla.errors import KollaError, LockedError

Status = Literal["done", "skipped", "failed", "blocked", "unknown", "not started"]
"""unknown: handed to a host that never told its end. not started: never handed to its host."""


@dataclass(frozen=True)
class Result:
    """How an operation ended."""

    host: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    log: tuple[str, ...] = ()
    """Last lines of the container's log, when it failed."""


@dataclass(frozen=True)
class BrokenHost:
    """A host that could not be reached, or on which our code could not run."""

    host: str
    address: str
    unreachable: bool
    message: str

    def __str__(self) -> str:
        name = self.host if self.address == self.host else f"{self.host} ({self.address})"
        return f"host {name} {'cannot be reached' if self.unreachable else 'failed'}: {self.message}"


class BrokenHostsError(KollaError):
    """Some hosts gave no answer."""

    def __init__(self, broken: Mapping[str, BrokenHost]) -> None:
        self.broken = dict(broken)
        unreachable = any(host.unreachable for host in broken.values())
        super().__init__(
            "\n".join(str(broken[host]) for host in sorted(broken)),
            hint=(
                "check that `ssh` to the host works without a question, and ansible_host, ansible_user and "
                "ansible_ssh_private_key_file in the inventory; --limit leaves hosts out"
                if unreachable
                else "Kolla needs root (ansible_become) and Python 3.9 or newer (ansible_python_interpreter) "
                "on a host"
            ),
        )


@dataclass
class Outcome:
    """What came of applying a plan."""

    run: str
    """Id of this run, as in the hosts' event files."""
    results: dict[str, Result] = field(default_factory=dict)
    """Operation id -> how it ended, for every operation of the plan, in its order."""
    broken: dict[str, BrokenHost] = field(default_factory=dict)
    locked: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Host -> lease of the deployer that holds it."""
    refused: dict[str, str] = field(default_factory=dict)
    """Host -> why it refused, other than being locked."""
    interrupted: bool = False
    """Ctrl-C: no further step was begun."""

    @property
    def succeeded(self) -> bool:
        """Every operation is done."""
        return all(result.status in ("done", "skipped") for result in self.results.values())

    def check_hosts(self) -> None:
        """Raise LockedError naming the holder of a locked host, BrokenHostsError for broken ones,
        KollaError for refusals. Failed operations raise nothing: they are results."""
        for host, lease in sorted(self.locked.items()):
            owner = lease.get("owner", lease)
            raise LockedError(
                f"host {host} is held by {owner.get('user')}@{owner.get('host')}, "
                f"process {owner.get('pid')}: {owner.get('command')}",
                hint="wait for it to end, or give a longer --lock-timeout",
            )
        if self.broken:
            raise BrokenHostsError(self.broken)
        for host, why in sorted(self.refused.items()):
            raise KollaError(f"host {host} refused: {why}")
