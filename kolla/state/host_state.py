"""What a host looks like now: the answer to one question asked of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict

from kolla.catalogue.model import Model
from kolla.secret import Secret
from kolla.state.changes import ReleaseChange
from kolla.state.facts import HostFacts
from kolla.state.resources import Resources


def _secret(value: object) -> object:
    return Secret(value) if isinstance(value, str) else value


SecretText = Annotated[Secret, BeforeValidator(_secret)]
"""Text that is a secret from the moment it arrives."""


class ObservedContainer(Model):
    """A container that carries this cloud's label."""

    name: str
    state: str
    """The engine's word (Docker's ContainerState): running, exited, created, restarting, paused, dead."""
    health: str | None = None
    """healthy, unhealthy, starting, or None without a check."""
    ready: bool
    """Whether it runs and its check has passed since it was started, be it at a later moment unhealthy."""
    service: str
    spec_digest: str
    """The label `kolla.spec`: what was asked for when it was made."""
    generation: int
    version: str = ""
    """Release of the software in it, as its image says."""
    spec: dict[str, Any]
    """Projection of `inspect` on the fields of ContainerSpec: what it is now."""
    folder: str = ""
    """Its configuration folder on the host (label `kolla.folder`)."""
    taken: str | None = None
    """Digest of the folder it last became ready with; None when it never did."""

    @property
    def ended(self) -> bool:
        """Whether it does not run, and nobody is starting it."""
        return self.state in ("exited", "created", "dead")


class ObservedFile(Model):
    """A file of a configuration folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    sha256: str
    mode: str
    """Octal, four digits."""
    content: SecretText | None = None
    """Only of files whose digest differs from the one named in the question."""


class JobRecord(Model):
    """A job that was done."""

    key: str
    epochs: dict[str, str]


class Engine(Model):
    """The container engine that answered."""

    name: str
    version: str


class HostState(Model):
    """One host."""

    host: str
    engine: Engine | None = None
    """None: no engine answered; everything else is then empty."""
    containers: dict[str, ObservedContainer] = {}
    foreign: tuple[str, ...] = ()
    """Names of containers of the engine that are not this cloud's."""
    predecessors: dict[str, str] = {}
    """Of those, the ones that Kolla-Ansible made: name, also of one set aside -> image."""
    volumes: dict[str, str | None] = {}
    """Volume of this cloud -> its epoch, None when the file inside is missing."""
    copies: dict[str, str] = {}
    """Volume of this cloud -> the one that what is in it was copied from, when it was renamed."""
    unclaimed: tuple[str, ...] = ()
    """Of the volumes asked for, those that exist and are nobody's."""
    blank: tuple[str, ...] = ()
    """Of the volumes of this cloud whose data was asked for, those with nothing in them."""
    images: tuple[str, ...] = ()
    """Those of the asked-for image IDs that the engine has."""
    brought: tuple[str, ...] = ()
    """Images that came to the host through this cloud, and that the engine still has."""
    folders: dict[str, dict[str, ObservedFile]] = {}
    """Folder path -> file name -> file."""
    jobs: dict[str, JobRecord] = {}
    """`service/name` -> record."""
    resources: Resources = Resources()
    """Of the resources asked for, what the host has."""
    given: dict[str, Resources] = {}
    """Service -> the resources it was given last."""
    drained: tuple[tuple[str, str], ...] = ()
    """(listener, host) of each member that its proxy passes nothing on to, as it was told."""
    upgrade: ReleaseChange | None = None
    """The upgrade on record that is not finished."""
    lock: str = ""
    """Who changes it at the moment and for how long, one sentence; empty when nobody does."""


class Observation(Model):
    """Facts and state, asked for in one question."""

    facts: HostFacts
    state: HostState
