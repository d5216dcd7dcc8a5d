"""The cloud a request speaks of, and where its state lies on this host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from . import files
from .errors import Refusal
from .shapes import Json

STATE_DIRECTORY = "/var/lib/kolla"


@dataclass(frozen=True)
class Cloud:
    """A cloud by name and id; `directory` is its state directory on this host (0700)."""

    name: str
    id: str
    directory: Path

    @classmethod
    def of(cls, request: Json) -> Cloud:
        """The cloud of a request. `state_directory` in it replaces /var/lib/kolla."""
        name = request["cloud"]["name"]
        root = Path(request.get("state_directory") or STATE_DIRECTORY)
        return cls(name, request["cloud"]["id"], root / _file_name(name))

    def make_directory(self) -> None:
        """Make the state directory if it is not there."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def worker_log(self) -> Path:
        """What the last worker had to say about defects."""
        return self.directory / "worker.log"

    def run(self, run: str) -> Path:
        """Where the events of a run are."""
        return self.directory / "runs" / f"{_file_name(run)}.jsonl"

    def job_record(self, job: str) -> Path:
        """Where `service/name` is recorded as done."""
        return self.directory / "jobs" / f"{_file_name(job.replace('/', '.', 1))}.json"

    @property
    def resources_directory(self) -> Path:
        """Where the records of what services were given of this host are."""
        return self.directory / "resources"

    def resources_record(self, service: str) -> Path:
        """Where what a service was given is recorded."""
        return self.resources_directory / f"{_file_name(service)}.json"

    @property
    def firewall_record(self) -> Path:
        """Where the rules of the firewall are recorded, and how the kernel has them."""
        return self.directory / "firewall.json"

    @property
    def firewall_script(self) -> Path:
        """What brings the rules of the firewall back at a start of the host."""
        return self.directory / "firewall.nft"

    def volume_record(self, volume: str) -> Path:
        """Where the epoch of a volume is recorded whose content was replaced."""
        return self.directory / "volumes" / f"{_file_name(volume)}.json"

    @property
    def upgrade_record(self) -> Path:
        """Where the upgrade is recorded that is not finished."""
        return self.directory / "upgrade.json"

    def taken_path(self, container: str) -> Path:
        """Where the folder that a container last became ready with is recorded."""
        return self.directory / "taken" / f"{_file_name(container)}.json"

    def taken(self, container: str) -> str | None:
        """Digest of the folder the container last became ready with."""
        document = files.read_json(self.taken_path(container))
        return document["digest"] if document else None

    def was_ready(self, container: str, started: str) -> bool:
        """Whether the container became ready after the start at that time (the engine's word for it)."""
        document = files.read_json(self.taken_path(container))
        return bool(document) and document["started"] == started

    def record_taken(self, container: str, digest: str, started: str) -> None:
        """Record that the container, started at that time, became ready with the folder of that digest."""
        files.write_json(self.taken_path(container), {"digest": digest, "started": started})

    def forget_taken(self, container: str) -> None:
        """Record that the container is ready with nothing."""
        self.taken_path(container).unlink(missing_ok=True)


def _file_name(name: str) -> str:
    """`name` itself; a Refusal when it could leave the directory it is a file of."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise Refusal("request", f"'{name}' cannot be the name of a file")
    return name
