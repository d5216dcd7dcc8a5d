"""Which jobs there are: those that services declare, and those their providers do for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kolla.catalogue.model import Capability, Provision, ServiceFolder
from kolla.state import volume_names
from kolla.state.consumer import Consumer, consumers
from kolla.state.demand import told
from kolla.state.derive.inputs import Inputs
from kolla.state.derive.jobs import Jobs
from kolla.state.derive.renderers import Owner
from kolla.state.desired import DesiredJob, Restore, container_id
from kolla.state.job_names import forget_job, occupied_job, verb_check, verb_choice, verb_job
from kolla.state.references import provision_job


@dataclass(frozen=True)
class ServiceJobs:
    """Of all services of one cloud."""

    inputs: Inputs
    jobs: Jobs

    def all(self) -> Iterator[DesiredJob]:
        """What is done once: services' own, then what providers do for each of their consumers."""
        for folder in self.inputs.settings.services:
            for name, job in folder.service.jobs.items():
                yield from self.jobs.of(Owner(folder), f"{folder.name}/{name}", job, f"job/{name}")
        for provider, capability, provision, consumer in self._provisions():
            if provision.job is not None and consumer.wants(capability):
                name = provision_job(provider, capability, consumer.name)
                yield from self.jobs.of(Owner(provider, provision, consumer), name, provision.job)

    def _provisions(self) -> Iterator[tuple[ServiceFolder, Capability, Provision, Consumer]]:
        for provider in self.inputs.settings.services:
            for capability, provision in provider.service.provides.items():
                for consumer in self.inputs.consumers.values():
                    yield provider, capability, provision, consumer

    def checks(self) -> Iterator[DesiredJob]:
        """The functional checks of the whole cloud."""
        for folder in self.inputs.settings.services:
            for name, check in folder.service.checks.items():
                if check.canary is None:
                    for job in self.jobs.of(Owner(folder), f"{folder.name}/check-{name}", check.job):
                        yield replace(job, description=check.description)

    def canary_checks(self) -> Iterator[tuple[str, DesiredJob]]:
        """Id of a container -> a functional check of that one."""
        for folder in self.inputs.settings.services:
            for name, check in folder.service.checks.items():
                for host in self.inputs.topology.hosts_of(folder, check.canary) if check.canary else ():
                    assert check.canary is not None
                    of, subject = container_id(check.canary, host), self.inputs.topology.hostnames[host]
                    # Several are run at the same time, so each has a name of its own.
                    for job in self.jobs.of(Owner(folder), f"{folder.name}/check-{name}-{host}", check.job):
                        yield of, replace(told(job, subject), description=check.description)

    def verbs(self) -> Iterator[DesiredJob]:
        """What is run only when a verb asks for it."""
        for folder in self.inputs.settings.services:
            for name, verb in folder.service.verbs.items():
                for job in self.jobs.of(Owner(folder), verb_job(folder.name, name), verb.job):
                    yield replace(job, description=verb.description)
                if verb.check is not None:
                    yield from self.jobs.of(Owner(folder), verb_check(folder.name, name), verb.check)
                if verb.chooses is not None:
                    yield from self.jobs.of(Owner(folder), verb_choice(folder.name, name), verb.chooses)
            leaving = folder.service.leaving
            if leaving is not None and leaving.occupied is not None:
                yield from self.jobs.of(Owner(folder), occupied_job(folder.name), leaving.occupied)
            if leaving is not None and leaving.forget is not None:
                yield from self.jobs.of(Owner(folder), forget_job(folder.name), leaving.forget)

    def release_checks(self) -> Iterator[DesiredJob]:
        """What must pass before the release of services changes."""
        for folder in self.inputs.settings.services:
            for name, job in folder.service.upgrade.checks.items():
                yield from self.jobs.of(Owner(folder), f"{folder.name}/upgrade-check-{name}", job)

    def back(self) -> Iterator[DesiredJob]:
        """What makes the data good again for the release before."""
        for folder in self.inputs.settings.services:
            for name, job in folder.service.upgrade.back.items():
                yield from self.jobs.of(Owner(folder), f"{folder.name}/{name}", job)

    def backups(self) -> Iterator[str]:
        """Names of the jobs that make backups."""
        for folder in self.inputs.settings.services:
            for provision in folder.service.provides.values():
                if provision.backup is not None:
                    yield verb_job(folder.name, provision.backup)

    def restores(self) -> Iterator[Restore]:
        """How each backup is put back."""
        services = [folder.service for folder in self.inputs.settings.services]
        for folder in self.inputs.settings.services:
            for provision in folder.service.provides.values():
                if provision.backup is None or provision.restore is None:
                    continue
                verb = folder.service.verbs[provision.restore]
                yield Restore(
                    service=folder.name,
                    backup=verb_job(folder.name, provision.backup),
                    job=verb_job(folder.name, provision.restore),
                    check=verb_check(folder.name, provision.restore) if verb.check else "",
                    volumes=volume_names.volumes(self.inputs.settings, verb.replaces),
                    services=(folder.name, *sorted(consumers(folder.service, services, verb.replaces))),
                    loses=verb.loses,
                )

    def upgrade_jobs(self) -> Iterator[str]:
        """Names of the jobs of an upgrade, whether it goes on or back."""
        for folder in self.inputs.settings.services:
            upgrade = folder.service.upgrade
            yield from (f"{folder.name}/{n}" for n in (*upgrade.expand, *upgrade.finish, *upgrade.back))
