"""The verbs that make hosts ready, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kolla.configuration import Configuration
from kolla.errors import InputError
from kolla.hosts import LOCK_TIMEOUT, Hosts
from kolla.results import Changes, Deployed, Findings
from kolla.state import firewall, networks, prechecks, requirements
from kolla.state.derive import desire

BUILDERS = "deployment"
"""The usual group of the machine that kolla itself runs on, which builds images."""


class PreparationVerbs:
    """Making hosts ready for a deploy, and seeing whether they are."""

    configuration: Configuration
    _hosts: Hosts

    def bootstrap_servers(self) -> Changes:
        """Make hosts ready: a container engine that answers, directories, what builds images, what a
        firewall needs."""
        from kolla.images import git

        values = self.configuration.globals.value
        request: dict[str, Any] = {"node_config": str(values("node_config"))}
        request["firewall"] = values(firewall.SETTING)
        registry = str(values("docker_registry"))
        if registry and values("docker_registry_insecure"):
            request["insecure_registries"] = [registry]
        if registry and (authority := str(values("docker_registry_ca") or "")):
            request["registry_authorities"] = {registry.partition("/")[0]: Path(authority).read_text()}
        builders = self.configuration.inventory.groups.get(BUILDERS, ())
        tools = self.configuration.globals.distribution.tools
        if values("image_sources"):
            tools += git.PACKAGES
        requests = {
            host: {**request, "packages": tools if host in builders else ()}
            for host in self.configuration.hosts()
        }
        return changes(self._hosts.ask("bootstrap", requests))

    def prechecks(self) -> Findings:
        """Look for everything that would make a deploy fail; all findings at once."""
        try:
            desired, states = self._hosts.observed()
        except InputError as error:
            if not networks.lacking(error):
                raise
            return Findings(tuple(self._missing_addresses()))
        requests = requirements.requests(
            desired, states, self.configuration.report, self._hosts.known_facts()
        )
        before = time.time()
        answers = self._hosts.ask("precheck", requests)
        clocks = {host: tuple(answer["clock"]) for host, answer in answers.items()}
        after = time.time()
        told = [{"host": host, **f} for host, answer in answers.items() for f in answer["findings"]]
        known = prechecks.findings(desired, self._hosts.known_facts(), states)
        known += prechecks.limits(self.configuration.settings, states)
        known += prechecks.quorums(self.configuration.settings.services, desired, states)
        known += prechecks.clocks(before, clocks, after)
        return Findings(tuple(sorted([*told, *known], key=lambda finding: str(finding["host"]))))

    def _missing_addresses(self) -> Iterator[networks.Finding]:
        settings, report = self.configuration.settings, self.configuration.report
        found = networks.findings(partial(desire, settings, report), self._hosts.known_facts())
        return iter(sorted(found, key=lambda finding: str(finding["host"])))

    def pull(self) -> Deployed:
        """Get every image on the hosts that need it, and nothing else."""
        return self._hosts.patiently("pull", LOCK_TIMEOUT, self._pull)

    def _pull(self) -> Deployed:
        desired, states = self._hosts.observed()
        plan = requirements.image_plan(desired, states)
        outcome = self._hosts.apply(plan, desired, 0, phase="pull")
        remaining = requirements.image_plan(*self._hosts.observed())
        return Deployed(plan, tuple(outcome.failures()), remaining, complete=True)


def changes(answers: Mapping[str, Mapping[str, Any]]) -> Changes:
    """What hosts answered of what they made or removed."""
    return Changes(
        {host: tuple(answer["changes"]) for host, answer in answers.items() if answer["changes"]},
        {host: tuple(answer["kept"]) for host, answer in answers.items() if answer.get("kept")},
    )
