"""The gate before a restart: configuration is checked against the options the images themselves know.

Reads files of this machine, and asks no host for more than its facts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kolla.build_report import BuiltImage
from kolla.config.option_schema import Schema
from kolla.configuration import Configuration
from kolla.errors import KollaError, raise_all
from kolla.hosts import Hosts
from kolla.places import read_json, write_json
from kolla.results import Findings
from kolla.state.checkable import Checkable, checkable
from kolla.state.configured import Configured, Fault, configured, faults, united
from kolla.state.derive import desire
from kolla.state.desired import Desired

SETTING = "config_validation"

TRIALS = 4
"""Programs that are asked at a time."""

REMEMBERED = 5000
"""Checks without a finding that are kept in mind, so that a deploy with nothing to do repeats none."""


class ValidationVerbs:
    """Checking what was rendered before anything runs with it."""

    configuration: Configuration
    _hosts: Hosts

    def validate_config(self) -> Findings:
        """Check the configuration of all services, or of those `--tags` leaves; all findings at once."""
        desired = desire(self.configuration.settings, self.configuration.report, self._hosts.facts())
        validation = Validation.of(self.configuration, desired, self.configuration.hosts())
        told = [fault.finding() for fault in validation.faults]
        fine = [_finding(found.name, "the image takes all of it", found.hosts) for found in validation.fine]
        unchecked = [{**_finding("", sentence), "warning": True} for sentence in validation.unchecked]
        return Findings((*told, *unchecked, *fine))

    def _gate(self, desired: Desired, hosts: Collection[str]) -> tuple[str, ...]:
        """Warnings about the configuration that is going to be deployed. InputErrors with all that must not
        be, unless the settings want it only told."""
        validation = self._validation(desired, hosts)
        if self._validates == "strict":
            raise_all([fault.error_message() for fault in validation.faults if fault.error])
        return validation.sentences

    def _doubts(self, desired: Desired, hosts: Collection[str]) -> tuple[str, ...]:
        """What `_gate` would tell or refuse, as warnings."""
        return self._validation(desired, hosts).sentences

    def _validation(self, desired: Desired, hosts: Collection[str]) -> Validation:
        if self._validates == "off":
            return Validation((), (), ())
        return Validation.of(self.configuration, desired, hosts)

    @property
    def _validates(self) -> str:
        return str(self.configuration.globals.value(SETTING))


@dataclass(frozen=True)
class Validation:
    """What a check of configuration came to."""

    faults: tuple[Fault, ...]
    fine: tuple[Configured, ...]
    """Files in which there was nothing to find."""
    unchecked: tuple[str, ...]
    """Sentences about files that could not be checked."""

    @classmethod
    def of(cls, configuration: Configuration, desired: Desired, hosts: Collection[str]) -> Validation:
        """Check what these hosts will read, of the services `--tags` leaves. What was checked before, and was
        fine, is not checked again."""
        services = configuration.services()

        def meant(found: Configured) -> bool:
            return bool(set(found.hosts) & set(hosts)) and (services is None or found.service in services)

        remembered = _Remembered(configuration.places.checked)
        options = _check_options(configuration, desired, remembered)
        programs = _ask_programs(configuration, [c for c in checkable(desired) if meant(c)], remembered)
        remembered.save()
        return cls(
            (*(fault for fault in options.faults if any(map(meant, fault.readers))), *programs.faults),
            (*filter(meant, options.fine), *programs.fine),
            (*options.unchecked, *programs.unchecked),
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it as warnings."""
        said = ("; ".join(filter(None, (fault.sentence, fault.hint))) for fault in self.faults)
        return (*said, *self.unchecked)


class _Remembered:
    """What was checked before and was fine, by keys."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._before: dict[str, None] = dict.fromkeys(read_json(place).get("clean", []))
        self._new: dict[str, None] = {}

    def __contains__(self, found: Configured) -> bool:
        return found.key in self._new or found.key in self._before

    def add(self, found: Configured) -> None:
        """Remember one more."""
        self._new[found.key] = None

    def save(self) -> None:
        """Write them down, if there are more than before."""
        if self._new:
            write_json(self._place, {"clean": [*self._before, *self._new][-REMEMBERED:]})


def _check_options(configuration: Configuration, desired: Desired, remembered: _Remembered) -> Validation:
    """Compare all files of format `oslo` with the options their images know."""
    overrides = configuration.settings.overrides.files
    schemas, read = _Schemas(configuration.report_place.parent), configured(desired)
    told: list[Fault] = []
    for found in read:
        schema = None if found in remembered else schemas.of(found.image)
        if schema is not None:
            faults_ = _faults(found, schema, schemas, overrides)
            told += faults_
            if not faults_:
                remembered.add(found)
    fine = tuple(found for found in read if found in remembered)
    return Validation(tuple(united(told, read)), fine, schemas.sentences)


def _ask_programs(
    configuration: Configuration, asked: Sequence[Checkable], remembered: _Remembered
) -> Validation:
    """Have the programs of images check their own files, in this machine's engine."""
    unasked = [found for found in asked if found not in remembered]
    if not unasked:
        return Validation((), tuple(asked), ())
    from kolla.images.engine import connect
    from kolla.images.trials import refusal

    try:
        engine = connect(str(configuration.globals.value("kolla_container_engine")))
        present = engine.images()
    except KollaError as error:
        return Validation((), (), (_unasked(unasked, error.what),))
    faults_ = []
    here = [found for found in unasked if found.image.id in present]
    with ThreadPoolExecutor(TRIALS) as pool:
        answers = pool.map(lambda found: refusal(engine, str(found.image.id), found.folder), here)
        for found, said in zip(here, answers, strict=True):
            if said is None:
                remembered.add(found)
            else:
                faults_.append(found.fault(said, configuration.settings.overrides.files))
    missing = [found for found in unasked if found not in here]
    unchecked = (_unasked(missing, "the images are not on this machine"),) if missing else ()
    return Validation(tuple(faults_), tuple(found for found in asked if found in remembered), unchecked)


def _unasked(found: Sequence[Checkable], why: str) -> str:
    names = ", ".join(dict.fromkeys(one.name for one in found))
    return f"configuration of {names} is not checked by the programs themselves: {why}"


class _Schemas:
    """The schemas of images, each read once, and those that there are not."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Schema] = {}
        self._missing: dict[str, str] = {}

    def of(self, image: BuiltImage) -> Schema | None:
        """The schema of an image; None, to be told in `sentences`, when there is none."""
        if image.options is None:
            self._missing[image.name] = image.options_problem or "it was built without one"
            return None
        if image.options not in self._known:
            try:
                self._known[image.options] = Schema.load(self._directory / image.options)
            except (OSError, ValueError) as error:
                self._missing[image.name] = str(error)
                return None
        return self._known[image.options]

    def earlier(self, image: BuiltImage) -> list[Schema]:
        """The schemas of other builds of an image."""
        own = self._directory / str(image.options)
        return [Schema.load(path) for path in own.parent.glob("*.json") if path != own]

    @property
    def sentences(self) -> tuple[str, ...]:
        """One, if any schema was missing."""
        if not self._missing:
            return ()
        names = ", ".join(self._missing)
        reasons = "; ".join(dict.fromkeys(self._missing.values()))
        return (
            f"configuration that is read in {names} is not checked: "
            f"no schema of its options ({reasons}); run: kolla build",
        )


def _faults(
    found: Configured, schema: Schema, schemas: _Schemas, overrides: Mapping[str, Path]
) -> list[Fault]:
    from kolla.config.options_check import check, explained  # imports oslo.config

    problems = check({name: file.merged.text for name, file in found.files.items()}, schema)
    if any(problem.kind == "unknown" for problem in problems):
        problems = explained(problems, schemas.earlier(found.image))
    return faults(found, problems, overrides, complete=not schema.unread)


def _finding(subject: str, message: str, hosts: Sequence[str] = ()) -> dict[str, object]:
    return {
        "host": ", ".join(hosts),
        "check": "configuration",
        "subject": subject,
        "ok": True,
        "warning": False,
        "message": message,
        "hint": "",
    }
