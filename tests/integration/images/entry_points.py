"""What the containers and jobs of an image run, as `service.yml` says: it must be there in every release."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from kolla.catalogue.catalogue import Catalogue


@dataclass(frozen=True)
class EntryPoints:
    """Of one image."""

    programs: frozenset[str]
    modules: frozenset[str]
    """Python modules that uWSGI loads."""

    @property
    def script(self) -> str:
        """A shell script that prints what is missing."""
        lines = [f"command -v {program} >/dev/null || echo {program}" for program in sorted(self.programs)]
        lines += [
            f'python3 -c \'from importlib.util import find_spec; find_spec("{module}") or print("{module}")\''
            for module in sorted(self.modules)
        ]
        return "; ".join(lines)


def of(catalogue: Catalogue, image: str) -> EntryPoints:
    """Every program that a container or job of `image` starts, and every module it gives to uWSGI."""
    programs, modules = set(), set()
    for folder in catalogue.folders.values():
        service = folder.service
        images = {name: container.image or name for name, container in service.containers.items()}
        for name, container in service.containers.items():
            if images[name] == image:
                programs.add(shlex.split(container.command)[0])
                for file in container.config.values():
                    module = file.variables.get("module", "").partition(":")[0]
                    modules |= {module} - {""}
        for job in service.jobs.values():
            if image in (job.image, images.get(job.container or "")):
                programs.add(job.command[0])
    return EntryPoints(frozenset(programs), frozenset(modules))
