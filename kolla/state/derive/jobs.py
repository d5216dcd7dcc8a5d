"""A job on the hosts that do it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kolla.build_report import BuiltImage
from kolla.catalogue.model import Container, Job
from kolla.state import volume_names
from kolla.state.derive.folders import config_folder
from kolla.state.derive.inputs import Inputs
from kolla.state.derive.renderers import Owner, Renderers
from kolla.state.derive.specs import container_spec
from kolla.state.desired import DesiredJob, endpoint_id
from kolla.state.render import RenderedFile
from kolla.state.topology import engine_name


@dataclass(frozen=True)
class Jobs:
    """Derives a job on each of the hosts that it is for."""

    inputs: Inputs
    renderers: Renderers

    def of(self, owner: Owner, name: str, job: Job, reference: str | None = None) -> Iterator[DesiredJob]:
        """On each of its hosts; jobs of the service may say that they come before `reference`."""
        for host in self.inputs.references.job_hosts(owner.folder, job):
            yield self._on(host, owner, name, job, reference)

    def _on(self, host: str, owner: Owner, name: str, job: Job, reference: str | None) -> DesiredJob:
        folder, settings, references = owner.folder, self.inputs.settings, self.inputs.references
        renderer = self.renderers.of(owner, host, job.container or "")
        if job.container is not None:
            container = folder.service.containers[job.container]
            image_name = container.image or job.container
        else:
            assert job.image is not None  # the loader asks for one of the two
            container, image_name = Container(command=""), job.image
        own_places = {
            "binds": (*container.binds, *job.binds),
            "volumes": {**container.volumes, **job.volumes},
        }
        container = container.model_copy(update=own_places)
        image, built = self.inputs.built(image_name)
        command = shlex.join(renderer.text(word) for word in job.command)
        own = renderer.files(job.container or name, job.config)
        path = f"{settings.scope(host)['node_config']}/jobs/{name.replace('/', '-')}"
        config = config_folder(
            renderer,
            job.container or name,
            container,
            image,
            command,
            own=own,
            path=path,
        )
        waits_for = (*job.after, *(references.before(folder, reference) if reference else ()))
        after = set(references.after(folder, waits_for, host, everywhere=not (job.each_host or job.first)))
        if owner.provision is not None and owner.provision.endpoint is not None:
            after.add(endpoint_id(owner.provision.endpoint, host))
        return DesiredJob(
            host=host,
            service=owner.consumer.name if owner.consumer else folder.name,
            name=name,
            spec=container_spec(
                renderer,
                self.inputs.report,
                engine_name(name.replace("/", "-")),
                container,
                built,
                path,
                job=True,
            ),
            image=built,
            config=config,
            key=_job_key(command, built, {n: r for n, (_, r) in own.items()}),
            volumes=tuple(sorted(references.volumes(folder, owner.provision, job, container, host))),
            after=tuple(sorted(after)),
            timeout=job.timeout,
            own_volumes=volume_names.volumes(settings, job.volumes),
            present=engine_name(job.container) if job.present and job.container else "",
            success=job.success,
            takeover=job.takeover,
            first_of=(job.container or "") if job.first else "",
            description=job.description,
        )


def _job_key(command: str, image: BuiltImage, own: Mapping[str, RenderedFile]) -> str:
    """Three short hashes, so that a plan can tell which of them changed: command, image, own files."""
    files = json.dumps([[name, file.sha256] for name, file in sorted(own.items())])
    parts = (command, image.id or "", files)
    return ".".join(hashlib.sha256(part.encode()).hexdigest()[:16] for part in parts)
