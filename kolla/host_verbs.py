"""The verbs about hosts, as a part of the Python API (`kolla.api.Cloud`): compositions of the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Self, TypeVar

from kolla.catalogue.model import ServiceFolder
from kolla.configuration import Configuration
from kolla.errors import ChangedError, InputError, did_you_mean
from kolla.hooks import Hooks
from kolla.host_results import HostChange, Removal, Step
from kolla.hosts import LOCK_TIMEOUT, Hosts
from kolla.preparation_verbs import PreparationVerbs, changes
from kolla.results import Changes, Deployed, Done, Findings, Ran
from kolla.service_verbs import ServiceVerbs, ran
from kolla.state import explain, leaving, orphans, revision_state, status
from kolla.state.demand import demanded
from kolla.state.desired import Desired
from kolla.state.host_state import HostState
from kolla.state.job_names import forget_job, occupied_job
from kolla.state.plan import Plan
from kolla.state.reconcile import reconcile
from kolla.state.releases import deploy_course
from kolla.state.rolling import rolling
from kolla.upgrade_verbs import UpgradeVerbs

ADD, REMOVE, REPLACE, MAINTENANCE = "host-add", "host-remove", "host-replace", "host-maintenance"

Change = TypeVar("Change")

States = dict[str, HostState]


AS_IT_IS = Removal()


class HostVerbs(PreparationVerbs, UpgradeVerbs, ServiceVerbs):
    """Hosts that come, go, are replaced, or are not to be used for some time.

    Each verb says what it is going to do, and does it when that is carried out. LockedError then when another
    deployer stays for a minute.
    """

    def host_add(self, hosts: Sequence[str]) -> HostChange:
        """Make hosts that are in the inventory a part of the cloud: they are made ready, looked at, and
        deployed, with what others must know of them; nothing else that is due is done.

        InputError for a host that is not in the inventory.
        """
        self._check_known(hosts)
        plan = self._arriving(ADD, hosts)[0]
        steps = (*self._preparation(hosts), self._arrival(ADD, hosts, plan))
        return HostChange(f"{_named(hosts)} of cloud '{plan.cloud_name}' is added:", steps)

    def host_replace(self, host: str) -> HostChange:
        """Make a host with the name and the address of an earlier one, and empty disks, what that one was: it
        gets from the others what all members of a cluster have.

        InputError for a host that has something of this cloud, without which a cluster has no majority, or
        while something that was on it is not elsewhere.
        """
        self._check_known([host])
        plan, desired, states = self._arriving(REPLACE, [host])
        leaving.check_empty(host, states[host])
        leaving.check_majority(host, self._services, desired, states)
        self._check_unoccupied(self._hosts, host, desired, states)
        steps = (
            *self._forgetting(self, host, self._subject(host)),
            *self._preparation([host]),
            self._arrival(REPLACE, [host], plan),
        )
        return HostChange(f"Host '{host}' of cloud '{plan.cloud_name}' is replaced:", steps)

    def host_remove(self, host: str, how: Removal = AS_IT_IS) -> HostChange:
        """Take a host out of the cloud: what is on it moves, its containers go, the others go on without it
        and forget it. Its volumes stay unless they are to go. After a failure it can be run again.

        InputError when the host is the only one of a group, a cluster has no majority without it, something
        is on it that would be lost, or it is to be off and answers.
        """
        self._check_known([host])
        leaving.check_dispensable(host, self.configuration.inventory, self._services)
        hosts = self._others(host) if how.off else self._hosts
        desired, states = hosts.observed(deploy_course)
        leaving.check_majority(host, self._services, desired, states)
        concerned = [each for _, each in leaving.concerned(self._services, desired, host)]
        verbs = [each.evacuate if how.off else each.drain for each in concerned if how.off or how.drain]
        if not verbs:
            self._check_unoccupied(hosts, host, desired, states)
        rest = self._as(self.configuration.without([host]))
        plan, without, others = self._staying(rest, desired)
        orphans.check(without, {**states, **others})
        steps = [self._by_verb(verb, host) for verb in verbs if verb is not None]
        if not how.off:
            steps += [
                self._retreat(REMOVE, host, leaving.out_plan(desired, states, host, stop=False), stop=False),
                self._removal(host, how),
            ]
        stay = Step("The others go on without it", _listed(plan), lambda: self._stay(rest, desired, plan))
        steps += [stay, *self._forgetting(rest, host, self._subject(host))]
        sources = ", ".join(self.configuration.inventory.sources)
        advice = f"take '{host}' out of the inventory ({sources}); a deploy would make it a member again."
        return HostChange(f"Host '{host}' leaves cloud '{plan.cloud_name}':", tuple(steps), advice)

    def host_maintenance(self, host: str, *, on: bool, stop: bool = False) -> HostChange:
        """Have a host serve nobody for some time, or (not `on`) again: what is on it moves elsewhere, load
        balancers pass nothing on to it, addresses that move go to another; with `stop` its containers stop.

        InputError when a cluster would have no majority without it.
        """
        self._check_known([host])
        desired, states = self._hosts.observed()
        concerned = [each for _, each in leaving.concerned(self._services, desired, host)]
        whose = f"Host '{host}' of cloud '{desired.cloud_name}'"
        if on:
            leaving.check_majority(host, self._services, desired, states)
            verbs = [self._by_verb(each.drain, host) for each in concerned if each.drain is not None]
            plan = leaving.out_plan(desired, states, host, stop=stop)
            steps = (*verbs, self._retreat(MAINTENANCE, host, plan, stop=stop))
            advice = (
                f"when the work is done: kolla host maintenance {host} off; a deploy brings it back, too."
            )
            return HostChange(f"{whose} is taken out of service:", steps, advice)
        verbs = [self._by_verb(each.undrain, host) for each in concerned if each.undrain is not None]
        health = Step("Is all of it well?", "", lambda: self._health(host))
        steps = (self._return(host, leaving.back_plan(desired, states, host)), *verbs, health)
        return HostChange(f"{whose} is back in service:", steps)

    # -- arriving ----------------------------------------------------------------------------

    def _preparation(self, hosts: Sequence[str]) -> Iterator[Step]:
        """Making hosts ready, and seeing whether they are."""
        limited = self._as(self.configuration.only(hosts))
        names = ",".join(hosts)
        yield Step(f"kolla bootstrap-servers --limit {names}", "", limited.bootstrap_servers)
        yield Step(f"kolla prechecks --limit {names}", "", limited.prechecks)

    def _arriving(self, verb: str, hosts: Sequence[str]) -> tuple[Plan, Desired, States]:
        """What makes hosts members, and of new ones nothing that is due anyway; what the cloud should be, and
        how it is. Of one that lost everything nobody can tell what is due because of that."""
        desired, states = self._hosts.observed(deploy_course, bare=hosts)
        plan = reconcile(desired, states)
        if verb == ADD:
            rest = self._as(self.configuration.without(hosts))
            plan = leaving.caused(plan, reconcile(*rest._hosts.observed(deploy_course)))
        return self._hooks.planned(verb, rolling(plan, desired, states)), desired, states

    def _arrival(self, verb: str, hosts: Sequence[str], plan: Plan) -> Step:
        what = "Deploy it, and what others must know of it"
        return Step(what, _listed(plan), lambda: self._arrive(verb, hosts, plan))

    def _arrive(self, verb: str, hosts: Sequence[str], shown: Plan) -> Deployed:
        def change() -> Deployed:
            plan, desired, states = self._arriving(verb, hosts)
            # What a host lacked before it had an engine was not known.
            _check_same(plan, shown, besides=hosts)
            return self._applied(self, verb, plan, desired, states)

        done = self._patiently(verb, change)
        return replace(done, remaining=self._arriving(verb, hosts)[0])

    # -- leaving -----------------------------------------------------------------------------

    def _staying(self, rest: Self, desired: Desired) -> tuple[Plan, Desired, States]:
        """What the others do to go on without a host, and nothing that is due anyway; what the cloud should
        be then, and how it is. `desired`: what it should be with the host."""
        without, states = rest._hosts.observed(deploy_course)
        plan = leaving.caused(
            reconcile(without, states), reconcile(desired, rest._hosts.compared_with(desired))
        )
        return rest._hooks.planned(REMOVE, rolling(plan, without, states)), without, states

    def _stay(self, rest: Self, desired: Desired, shown: Plan) -> Deployed:
        def change() -> Deployed:
            plan, without, states = self._staying(rest, desired)
            _check_same(plan, shown)
            return self._applied(rest, REMOVE, plan, without, states)

        done = self._patiently(REMOVE, change)
        return replace(done, remaining=self._staying(rest, desired)[0])

    def _removal(self, host: str, how: Removal) -> Step:
        """Taking everything of the cloud off a host, but for its volumes."""
        (found,) = self._hosts.ask("holdings", {host: {}}).values()
        gone = f"removed: {', '.join(found['containers']) or 'nothing'}"
        volumes = ", ".join(found["volumes"]) or "none"
        detail = f"{gone}\nits volumes {'are removed FOR GOOD' if how.volumes else 'stay'}: {volumes}"
        request = {"volumes": how.volumes, "images": False, "purge": False}

        def act() -> Changes:
            return changes(self._hosts.ask("destroy", {host: request}))

        return Step("Its containers are removed", detail, act)

    def _forgetting(self, on: Self, host: str, subject: str) -> Iterator[Step]:
        """What services know of a host goes; asked on another host of the cloud `on`."""
        services = [f.name for f in self._services if f.service.leaving and f.service.leaving.forget]
        names = [forget_job(service) for service in services]

        def act() -> Ran:
            return self._patiently(REMOVE, lambda: self._about(on._hosts, host, names, subject))

        if services:
            yield Step(f"What is known of it goes: {', '.join(services)}", "", act)

    def _about(self, hosts: Hosts, host: str, names: Collection[str], subject: str) -> Ran:
        """Run jobs about a host on others."""
        desired, states = hosts.observed(bare=[host])
        jobs = leaving.about(desired, states, host, names, subject)
        return ran(jobs, hosts.apply(demanded(desired, jobs, states), desired, 0, phase="host"))

    def _check_unoccupied(self, hosts: Hosts, host: str, desired: Desired, states: States) -> None:
        """InputError while something is on a host that would be lost with it."""
        concerned = leaving.concerned(self._services, desired, host)
        names = [occupied_job(service) for service, each in concerned if each.occupied is not None]
        jobs = leaving.about(desired, states, host, names, self._subject(host))
        if not jobs:
            return
        told = self._patiently(
            "host", lambda: ran(jobs, hosts.apply(demanded(desired, jobs, states), desired, 0, phase="host"))
        )
        for result in told.results:
            if not result["ok"]:
                said = "; ".join(result["log"][-1:]) or result["message"]
                raise InputError(
                    f"host '{host}' cannot leave: {said}",
                    hint="--drain moves what is on it elsewhere; of a host that is off, --off makes it again",
                )

    # -- out of service, and back ------------------------------------------------------------

    def _retreat(self, verb: str, host: str, shown: Plan, *, stop: bool) -> Step:
        def act() -> Done:
            desired, states = self._hosts.observed()
            plan = leaving.out_plan(desired, states, host, stop=stop)
            return self._switch(verb, plan, shown)

        return Step("It serves nobody any more", _listed(shown), lambda: self._patiently(verb, act))

    def _return(self, host: str, shown: Plan) -> Step:
        def act() -> Done:
            plan = leaving.back_plan(*self._hosts.observed(), host)
            return self._switch(MAINTENANCE, plan, shown)

        return Step("It serves again", _listed(shown), lambda: self._patiently(MAINTENANCE, act))

    def _switch(self, verb: str, plan: Plan, shown: Plan) -> Done:
        _check_same(plan, shown)
        plan = self._hooks.planned(verb, plan)
        with self._hooks.before(verb, plan, self.progress):
            failed = tuple(self._hosts.apply(plan, None, 0, phase=verb).failures()) if plan else ()
        (self._hooks.failed if failed else self._hooks.after)(verb, plan, self.progress)
        return Done(plan, failed)

    def _health(self, host: str) -> Findings:
        found = status.findings(*self._hosts.observed())
        return Findings(tuple(finding for finding in found if finding["host"] == host))

    # -- what several of them do -------------------------------------------------------------

    @property
    def _services(self) -> tuple[ServiceFolder, ...]:
        return tuple(self.configuration.settings.services)

    def _as(self, configuration: Configuration) -> Self:
        """The same cloud by another configuration."""
        other = copy(self)
        other.configuration = configuration
        other._hosts, other._hooks = Hosts(configuration, self.progress), Hooks(configuration)
        return other

    def _check_known(self, hosts: Sequence[str]) -> None:
        """InputError for a host that is not in the inventory, or that `--limit` leaves out."""
        known, asked = self.configuration.inventory.hosts, self.configuration.hosts()
        for host in hosts:
            if host not in known:
                hint = did_you_mean(host, known) or "put it into the inventory, and into its groups, first"
                raise InputError(f"there is no host '{host}' in the inventory", hint=hint)
            if host not in asked:
                raise InputError(f"--limit leaves out host '{host}'")

    def _subject(self, host: str) -> str:
        """What a host calls itself, as far as that is known."""
        facts = self._hosts.known_facts().get(host)
        return facts.hostname if facts is not None else host

    def _by_verb(self, verb: str, host: str) -> Step:
        return Step(f"kolla {verb} {host}", "", lambda: self.run_verb(verb, host))

    def _patiently(self, verb: str, change: Callable[[], Change]) -> Change:
        with self._hooks.giving_up():
            return self._hosts.patiently(verb, LOCK_TIMEOUT, change)

    def _applied(self, on: Self, verb: str, plan: Plan, desired: Desired, states: States) -> Deployed:
        """Carry out a plan of a part of what is due towards `desired`, recorded as that."""
        warnings = (*on.configuration.warnings, *on._gate(desired, states))
        if not plan:
            return Deployed(plan, (), plan, complete=True, warnings=warnings)
        before, ids = on._before(), {operation.id for operation in plan.operations}
        left = {operation.id for operation in reconcile(desired, states).operations} - ids
        applied = revision_state.partly(before, desired, ids) if before is not None and left else None
        applied = revision_state.on_hosts(applied, desired.hosts) if applied is not None else None
        return replace(on._change(verb, plan, desired, 0, applied=applied), warnings=warnings)


def _check_same(plan: Plan, shown: Plan, besides: Collection[str] = ()) -> None:
    """InputError when a plan has other operations than the one shown, those on hosts `besides` aside."""

    def operations(of: Plan) -> set[str]:
        return {operation.id for operation in of.operations if operation.host not in besides}

    if operations(plan) != operations(shown):
        raise ChangedError("look at it again")


def _named(hosts: Sequence[str]) -> str:
    return f"Host{'s' if len(hosts) > 1 else ''} {', '.join(hosts)}"


def _listed(plan: Plan) -> str:
    return explain.text(plan) if plan else "nothing has to be done for that"
