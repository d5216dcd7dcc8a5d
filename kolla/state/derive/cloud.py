"""The desired state of a whole cloud, put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping

from kolla.build_report import BuildReport
from kolla.catalogue.upgrades import Stage, at
from kolla.settings import Settings
from kolla.state import adoption, checkouts, volume_names
from kolla.state.derive.containers import Containers
from kolla.state.derive.inputs import Inputs
from kolla.state.derive.jobs import Jobs
from kolla.state.derive.renderers import Renderers
from kolla.state.derive.service_jobs import ServiceJobs
from kolla.state.derive.traffic import Traffic
from kolla.state.desired import Desired
from kolla.state.facts import HostFacts
from kolla.state.host_needs import host_needs
from kolla.state.needs import requirements
from kolla.state.releases import SETTLED, Course
from kolla.state.topology import Topology


def desire(
    settings: Settings,
    report: BuildReport,
    facts: Mapping[str, HostFacts],
    course: Course = SETTLED,
) -> Desired:
    """Derive the desired state: what it is `course` says, when the cloud is between two releases.

    InputError for anything in the settings that cannot be.
    """
    settings = settings.with_services(lambda service: at(service, course.stage))
    return _assembled(Inputs.of(settings, report, Topology(settings, facts), course))


def _assembled(inputs: Inputs) -> Desired:
    settings, topology, stage = inputs.settings, inputs.topology, inputs.course.stage
    _check(inputs)
    renderers = Renderers(inputs)
    traffic = Traffic(inputs, renderers)
    jobs = ServiceJobs(inputs, Jobs(inputs, renderers))
    return Desired(
        cloud_name=settings.cloud_name,
        cloud_id=settings.cloud_id,
        hosts=tuple(settings.inventory.hosts),
        containers=tuple(Containers(inputs, renderers, traffic).all()),
        jobs=tuple(jobs.all()),
        checks=tuple(jobs.checks()),
        canary_checks=tuple(jobs.canary_checks()),
        verbs=tuple(jobs.verbs()),
        release_checks=tuple(jobs.release_checks()) if stage is Stage.EXPANDED else (),
        back=tuple(jobs.back()) if stage is not Stage.EXPANDED else (),
        host_needs=host_needs(topology, renderers.of_service),
        requirements=tuple(requirements(topology, renderers.of_service)),
        endpoints=inputs.references.endpoints(),
        secrets=frozenset(s.reveal() for s in settings.passwords.values()),
        release=inputs.report.release,
        upgrade=inputs.course.change,
        upgrade_jobs=tuple(jobs.upgrade_jobs()),
        backups=tuple(jobs.backups()),
        restores=tuple(jobs.restores()),
        volume_names=settings.scope(None)[volume_names.KEY],
        served=dict(traffic.served()),
        proxy=traffic.proxy(),
        data=volume_names.data(settings),
        former_volumes=volume_names.former(settings),
        adopting=bool(settings.scope(None)[adoption.SETTING]),
    )


def _check(inputs: Inputs) -> None:
    """InputError for volumes and checkouts that cannot be."""
    volume_names.check(inputs.settings)
    where = inputs.settings.globals.where(checkouts.KEY)
    for host in inputs.settings.inventory.hosts:
        checkouts.check(inputs.settings.scope(host)[checkouts.KEY], inputs.report, where)
