"""What an upgrade does with each service, and whether one can go back: a page made from the services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Service, Upgrade
from kolla.catalogue.upgrades import has_schemas, jobs

_INTRODUCTION = """\
# Upgrades, service by service

<!-- Made by `make reference` from the services' `upgrade:`; do not edit. -->

What `kolla upgrade` does besides swapping containers, and what is left to `--finish`. The contract is in
[upgrade.md](../upgrade.md).
"""

_WORDS = {
    "checks": "before anything is changed",
    "expand": "before its containers are swapped",
    "finish": "at the end (`--finish`)",
    "back": "at a rollback",
}


def text(catalogue: Catalogue) -> str:
    """The page, in Markdown: what is run when, then each pair of releases."""
    services = {name: folder.service for name, folder in catalogue.folders.items()}
    upgrades = {name: service.upgrade for name, service in services.items()}
    pairs = sorted({pair for upgrade in upgrades.values() for pair in upgrade.releases})
    asked = {name: upgrade for name, upgrade in upgrades.items() if has_schemas(services[name])}
    return "\n".join(
        [_INTRODUCTION, "## What is run\n", *_runs(services.values()), *_returns(asked, pairs), ""]
    )


def _runs(services: Iterable[Service]) -> Iterator[str]:
    yield "| service | when | command |"
    yield "|---|---|---|"
    for service in services:
        for word, of in jobs(service.upgrade).items():
            for job in of.values():
                container = service.containers.get(job.container or "")
                several = f", in each `{job.container}`" if container and container.for_each else ""
                yield f"| {service.name} | {_WORDS[word]} | `{' '.join(job.command)}`{several} |"
        for job_name in service.upgrade.postponed:
            yield f"| {service.name} | {_WORDS['finish']} | job `{job_name}`, as in a deploy |"


def _returns(services: dict[str, Upgrade], pairs: Iterable[str]) -> Iterator[str]:
    for pair in pairs:
        yield f"\n## Going back, {pair}\n"
        yield "| service | without loss | because |"
        yield "|---|---|---|"
        for name, upgrade in services.items():
            found = upgrade.releases.get(pair)
            safe = "not known" if found is None else "yes" if found.safe else "no"
            yield f"| {name} | {safe} | {found.because if found else 'Nobody has looked yet.'} |"
