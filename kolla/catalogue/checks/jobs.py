"""Rules of jobs, wherever they stand in a service."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.catalogue.checks.parts import Broken, Place, jobs_of
from kolla.catalogue.model import FIRST, Job, Service


def broken(service: Service) -> Iterator[Broken]:
    """Every rule that a job breaks."""
    for path, job in jobs_of(service):
        if (job.container is None) == (job.image is None):
            yield Broken(path, "a job runs in a container's place or in an image", "'container' or 'image'")
        if job.first and not _is_waited_for(service, job, path):
            what = "a job for the first host is one that the containers of the others wait for"
            yield Broken(path, what, "one of 'jobs', with a 'container' that says 'first' in 'after'")
        if job.takeover and (job.container is None or job.after or path[0] != "jobs"):
            what = "a job that sees whether an image may have the data comes before everything else"
            yield Broken(path, what, "one of 'jobs', with 'container', without 'after'")
        if not service.containers and not service.groups:
            what = "a job runs where a container of its service does; it has none"
            yield Broken(path, what, "a container, or a group")


def _is_waited_for(service: Service, job: Job, path: Place) -> bool:
    """Whether a job on one host is one that its container waits for on the others."""
    container = service.containers.get(job.container or "")
    return container is not None and FIRST in container.after and path[0] == "jobs" and not job.each_host
