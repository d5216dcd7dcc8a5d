"""The verb that reads another tool's configuration, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

import shutil
from pathlib import Path

from kolla.adopt import directory, files, groups, mapping, secrets, settings
from kolla.adopt.finding import Finding
from kolla.ansible.inventory import read as read_inventory
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.loader import load as load_catalogue
from kolla.config.unread import readable
from kolla.configuration import Configuration
from kolla.errors import InputError, InputErrors, Location
from kolla.places import write_private
from kolla.results import Adopted
from kolla.settings import keys, passwords
from kolla.settings.inventory import Inventory
from kolla.settings.overrides import Overrides


class AdoptVerb:
    """Reading what Kolla-Ansible was told."""

    configuration: Configuration

    def adopt(self, source: Path) -> Adopted:
        """Write a configuration of ours for the cloud that Kolla-Ansible deployed with `source`.

        The inventory is what was given with `-i`; without one, this machine. Nothing is written to `source`,
        and no host is asked. InputError when `source` is incomplete, or there is a configuration already.
        """
        target, sources = self.configuration.directory, self.configuration.inventory_sources
        rules = mapping.load()
        catalogue = load_catalogue(self.configuration.service_paths)
        directory.check_target(source, target)
        directory.check_sources(sources)
        documents, known = directory.documents(source), keys.of(catalogue)
        found = secrets.carry(
            directory.secrets(source),
            rules.passwords,
            {**passwords.expected(catalogue), passwords.REGISTRY: None},
        )
        inventory = Inventory.parse(read_inventory(sources), sources) if sources else None
        carried = settings.carry(documents, rules.globals, known)

        target.mkdir(parents=True, exist_ok=True)
        (target / "globals.yml").write_text(settings.text(carried, known, documents))
        made = passwords.generate(catalogue, found.given)
        passwords.complete(target / passwords.FILE, {**found.given, **made})
        findings = [*carried.findings]
        if inventory is not None:
            directory.copy_inventory(sources, target)
            directory.add_groups(groups.text(inventory, rules.groups), target)
            where = directory.inventory_location(inventory)
            findings += groups.findings(inventory, rules.groups, where)
        findings += self._overrides(source, target, rules, catalogue)
        findings += secrets.findings(found, made, Location(source / passwords.FILE))
        findings += [Finding(note.about, None, note.why, note.instead) for note in rules.notes]
        ordered = sorted(findings, key=lambda finding: not finding.must)
        adopted = Adopted(target, tuple(ordered))
        write_private(target / directory.REPORT, adopted.text() + "\n")
        return adopted

    def _overrides(
        self, source: Path, target: Path, rules: mapping.Mapping, catalogue: Catalogue
    ) -> list[Finding]:
        """Copy the override files that are read here; findings about the others, and about the settings."""
        theirs = Overrides.find(source)
        try:
            ours = Configuration(target, (), self.configuration.service_paths).settings
        except InputError as error:
            errors = error.errors if isinstance(error, InputErrors) else (error,)
            told = [Finding.of(each, "settings") for each in errors if isinstance(each, InputError)]
            left = [
                Finding(
                    f"config/{name}", Location(path), "not looked at: the settings have mistakes", must=True
                )
                for name, path in theirs.files.items()
            ]
            return told + left
        read = readable(ours)
        kept = files.readable(theirs.files, read, rules.overrides)
        for name, path in kept.items():
            (target / "config" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / "config" / name)
        texts = {name: theirs.text(name) for name in kept}
        names = {*ours.scope(next(iter(ours.inventory.hosts))), *passwords.expected(catalogue)}
        return [
            *files.findings(theirs.files, read, rules.overrides),
            *files.variables(kept, texts, names),
        ]
