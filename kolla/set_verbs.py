"""The verbs about sets of containers that are there, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

from collections.abc import Sequence

from kolla.catalogue import sets as catalogue_sets
from kolla.configuration import Configuration
from kolla.errors import ChangedError, InputError
from kolla.events import Listener
from kolla.hooks import Hooks
from kolla.hosts import LOCK_TIMEOUT, Hosts
from kolla.results import Done, Planned, Rows
from kolla.state import status
from kolla.state.plan import Plan
from kolla.state.power import PowerAction, power_plan
from kolla.state.rolling import rolling


class SetVerbs:
    """What can be done with containers as they are.

    `sets` are names of sets, services or containers; none stands for the whole cloud.
    """

    configuration: Configuration
    progress: Listener
    _hosts: Hosts
    _hooks: Hooks

    def containers_of(self, sets: Sequence[str]) -> frozenset[str] | None:
        """Names in the catalogue of the containers of `sets`, None for all; InputError for an unknown one."""
        return catalogue_sets.chosen(self.configuration.settings.services, sets) if sets else None

    def status(self, sets: Sequence[str] = ()) -> Rows:
        """Every container: wanted or not, running, healthy, version, generation."""
        names = self.containers_of(sets)
        return Rows(tuple(status.rows(*self._hosts.observed(), names)))

    def status_of_sets(self, sets: Sequence[str] = ()) -> Rows:
        """The sets there are, those named or else the named ones and the services, each as a whole."""
        services = self.configuration.settings.services
        known = catalogue_sets.known(services)
        self.containers_of(sets)  # an unknown one is told here
        shown = sets or [*catalogue_sets.named(services), *(f.name for f in services if f.name in known)]
        members = {name: catalogue_sets.chosen(services, [name]) for name in shown}
        return Rows(tuple(status.set_rows(*self._hosts.observed(), members)))

    def plan_power(self, action: PowerAction, sets: Sequence[str] = ()) -> Planned:
        """What `action` would do to `sets`, in which order, and what it interrupts.

        InputError for a set that is not there, or whose hosts `--limit` leaves out.
        """
        names = self.containers_of(sets)
        desired, states = self._hosts.observed()
        plan = rolling(power_plan(desired, states, action, names), desired, states)
        hosts = {c.host for c in desired.containers if names is None or c.name in names}
        if hosts.isdisjoint(states):
            raise InputError(
                f"--limit leaves out where '{', '.join(sets)}' runs",
                expected=", ".join(sorted(hosts)) or None,
            )
        return Planned(self._hooks.planned(action, plan))

    def power(self, action: PowerAction, sets: Sequence[str] = (), plan: Plan | None = None) -> Done:
        """Do what `plan_power` plans for this action on `sets`.

        `plan`: what it gave before; InputError, before anything is touched, when it would be another by now.
        LockedError when another deployer stays for a minute.
        """
        with self._hooks.giving_up():
            return self._hosts.patiently(action, LOCK_TIMEOUT, lambda: self._power(action, sets, plan))

    def _power(self, action: PowerAction, sets: Sequence[str], shown: Plan | None) -> Done:
        plan = self.plan_power(action, sets).plan
        if shown is not None and plan != shown:
            raise ChangedError("look at it again")
        with self._hooks.before(action, plan, self.progress):
            failed = tuple(self._hosts.apply(plan, None, 0, phase=action).failures())
        (self._hooks.failed if failed else self._hooks.after)(action, plan, self.progress)
        return Done(plan, failed)

    def stop(self, sets: Sequence[str] = ()) -> Done:
        """Stop containers, those first that wait for others; they stay stopped across reboots."""
        return self.power("stop", sets)

    def start(self, sets: Sequence[str] = ()) -> Done:
        """Start containers that were stopped, each when what it waits for is ready."""
        return self.power("start", sets)

    def restart(self, sets: Sequence[str] = ()) -> Done:
        """Restart containers one after the other, each when what it waits for is ready again."""
        return self.power("restart", sets)
