"""The verbs about images, as a part of the Python API (`kolla.api.Cloud`)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kolla.build_report import BuildReport, unlike
from kolla.catalogue.catalogue import Catalogue
from kolla.configuration import Configuration
from kolla.errors import InputError, KollaError, Location
from kolla.events import Event, Listener
from kolla.results import Built, Findings, Listing, Rows, ScanDiff, Written
from kolla.settings import passwords
from kolla.settings.building import chosen_over
from kolla.settings.globals import Globals

if TYPE_CHECKING:
    from kolla.images.graph import Graph
    from kolla.images.signature import PrivateKey

NOTHING: Mapping[str, Any] = {}

_UNLOCKED = "Python requirements and sources are left out, and images with Python software cannot be built"


class ImageVerbs:
    """What can be done with images. The builder is imported when it is needed.

    `patterns` are regular expressions, found in the names of the images meant; `chosen` are options of the
    build by name, as `kolla.build_options` has them: they win over kolla-build.conf and globals.yml.
    """

    configuration: Configuration
    progress: Listener

    def build(
        self, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING, bundle: Path | None = None
    ) -> Built:
        """Build the images in whose names one of `patterns`, regular expressions, is found, and those they
        are built from; all published ones without patterns and profiles. Unless some failed, `bundle` is
        written then: these images, for `load`."""
        from kolla.images.build import build

        read, directory = self.configuration, self.configuration.places.directory
        wanted = self._wanted(patterns, chosen)
        settings = wanted.settings
        self._key(settings)  # one that is missing is told before anything is built
        report = build(
            settings,
            wanted.catalogue,
            wanted.names,
            directory,
            refresh=settings.value("refresh"),
            skip_parents=settings.value("skip_parents"),
            skip_existing=settings.value("skip_existing"),
            on_event=self.progress,
        )
        built = Built(report, read.places.build_report)
        if settings.value("push"):
            promote = settings.value("promote") and built.exit_code == 0
            built = self._push(settings, report, wanted.selected.nodes, promote=promote)
        else:
            self._seal(settings)
        if bundle and built.exit_code == 0:
            self._bundle(wanted, built.report, bundle)
        return built

    def push(self, *, promote: bool = True, sign: bool = False) -> Built:
        """Push what was built or loaded, every image under the tag only it has; then move the moving tags.

        `sign` signs it as `build` does, whatever kolla-build.conf says. KollaError instead of the second
        step when an image failed to build that may not.
        """
        return self._push(self._signing(sign), self.configuration.report, promote=promote)

    def promote(self, *, sign: bool = False) -> Built:
        """Point the moving tags in the registry at what was built, all of which must be there already.

        `sign` signs the report, which says so, whatever kolla-build.conf says. KollaError when an image
        failed to build that may not.
        """
        return self._promote(self._signing(sign), self.configuration.report)

    def publish(
        self, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING, test: str | None = None
    ) -> Built:
        """Build, push, test, promote; stops at the first of them that fails, and then no tag was moved.

        `test` is a line for the shell; KollaError when it ends with another status than 0, takes longer than
        the settings allow, or built other images for this cloud than those that were pushed.
        """
        built = self.build(patterns, {**chosen, "push": True, "promote": False})
        if built.exit_code != 0:
            return built
        wanted = self._wanted(patterns, chosen)
        names = wanted.selected.nodes
        if test is None:
            return self._promote(wanted.settings, built.report, names)
        self._test(test, wanted.settings.value("build_test_timeout"))
        report, tried = self._after_test(built.report, names)
        return self._promote(wanted.settings, report, [name for name in tried if name in names])

    def load(self, path: Path) -> Built:
        """Have the images of a bundle in the engine, and the build report: as if they were built here."""
        from kolla.images import bundle

        read = self.configuration
        report = bundle.load(read.build_settings, path, read.places.directory, on_event=self.progress)
        return Built(report, read.places.build_report)

    def _push(
        self, settings: Globals, report: BuildReport, names: Collection[str] | None = None, *, promote: bool
    ) -> Built:
        from kolla.images import push as pushing

        read, directory = self.configuration, self.configuration.places.directory
        secrets, key = passwords.load(read.directory), self._key(settings)
        report = pushing.push(settings, secrets, report, directory, names, on_event=self.progress)
        if key:  # before a moving tag shows anybody what is new
            from kolla.images.signing import sign_images

            sign_images(settings, secrets, key, report, self.progress)
        self._seal(settings)
        if promote:
            return self._promote(settings, report, names)
        return Built(report, read.places.build_report)

    def _promote(self, settings: Globals, report: BuildReport, names: Collection[str] | None = None) -> Built:
        from kolla.images import push as pushing

        read, directory = self.configuration, self.configuration.places.directory
        secrets = passwords.load(read.directory)
        report = pushing.promote(settings, secrets, report, directory, names, on_event=self.progress)
        self._seal(settings)
        return Built(report, read.places.build_report)

    def _signing(self, sign: bool) -> Globals:
        """The settings of what is built, with `sign` if that is asked for."""
        settings = self.configuration.build_settings
        return chosen_over(settings, {"sign": True}) if sign else settings

    def _key(self, settings: Globals) -> PrivateKey | None:
        """What to sign with, if the settings say so; InputError when there is no key then."""
        from kolla.images.signing import signing_key

        return (
            signing_key(settings, passwords.load(self.configuration.directory))
            if settings.value("sign")
            else None
        )

    def _seal(self, settings: Globals) -> None:
        """Sign the report as it is now, if the settings say so."""
        from kolla.images.signing import sign_report

        if key := self._key(settings):
            sign_report(self.configuration.places, key)

    def _bundle(self, wanted: _Wanted, report: BuildReport, path: Path) -> None:
        from kolla.images import bundle

        names, directory = wanted.selected.nodes, self.configuration.places.directory
        signed = wanted.settings.value("sign")
        bundle.write(wanted.settings, report, names, directory, path, signed=signed, on_event=self.progress)

    def _after_test(self, pushed: BuildReport, asked: Collection[str]) -> tuple[BuildReport, Collection[str]]:
        """The report after the test, which may have built images itself, and the images that are still those
        that were pushed. KollaError when one of those in `asked` is not."""
        report = self.configuration.report
        others = unlike(pushed, report)
        if wrong := [name for name in others if name in asked]:
            raise KollaError(
                f"the test built other images than were pushed: {', '.join(wrong)}; no tag was moved",
                hint="give the test the settings of this build, or another cloud_name",
            )
        same = {name: image for name, image in pushed.images.items() if name not in others}
        return report.model_copy(update={"images": {**report.images, **same}}), same

    def _test(self, command: str, timeout: int) -> None:
        from kolla.images.processes import Processes

        began = time.monotonic()
        self.progress(Event("test", "started", message=command))
        sys.stderr.flush()
        status = Processes().run(["sh", "-c", command], sys.stderr.buffer, os.environ, timeout=timeout)
        seconds = time.monotonic() - began
        self.progress(Event("test", "done" if status == 0 else "failed", seconds=seconds))
        if status != 0:
            late = f"took longer than {timeout} s (build_test_timeout)"
            ended = late if status is None else f"ended with status {status}"
            raise KollaError(
                f"the test {ended}; the images are pushed, and no tag was moved",
                hint=f"what it did: {command}",
            )

    def forecast(self, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING) -> Rows:
        """What `build` would do with each image, and why."""
        from kolla.images.forecast import forecast

        wanted = self._wanted(patterns, chosen)
        settings = wanted.settings
        images = forecast(
            settings,
            wanted.catalogue,
            wanted.names,
            self.configuration.places.directory,
            refresh=settings.value("refresh"),
            skip_parents=settings.value("skip_parents"),
            skip_existing=settings.value("skip_existing"),
        )
        return Rows(
            tuple({"image": i.name, "build": "yes" if i.builds else "no", "why": i.why} for i in images)
        )

    def images(self, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING) -> Listing:
        """The images that `build` would build, each below its parent, and what is known of them."""
        from kolla.images import picture

        graph = self._wanted(patterns, chosen).selected
        return Listing(tuple(picture.outline(graph)), picture.documents(graph))

    def dependencies(self, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING) -> Listing:
        """The images that `build` would build as a tree, and what they take files from besides."""
        from kolla.images import picture

        graph = self._wanted(patterns, chosen).selected
        return Listing(tuple(picture.dependencies(graph)), picture.nested(graph))

    def save_dependency(
        self, path: Path, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING
    ) -> Written:
        """Write `dependencies` as a picture (`.svg`) or for Graphviz (`.dot`); InputError for another
        suffix."""
        from kolla.images import picture

        drawn = {".svg": picture.svg, ".dot": picture.dot}.get(path.suffix)
        if drawn is None:
            raise InputError(
                "the suffix does not say what to write", where=Location(path), expected="FILE.svg or FILE.dot"
            )
        path.write_text(drawn(self._wanted(patterns, chosen).selected))
        return Written((path,))

    def template_only(
        self, directory: Path, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING
    ) -> Written:
        """Write the Dockerfile and build context of every image that `build` would build; needs no engine.

        Where the release has no lock, a note says so, and what would be locked is left out.
        """
        from kolla.images.export import export
        from kolla.images.fetch import trees
        from kolla.images.inputs import Inputs
        from kolla.images.options import Options
        from kolla.images.requirements import MissingLock

        wanted, state = self._wanted(patterns, chosen), self.configuration.places.directory
        graph, options = wanted.selected, Options.of(wanted.settings)
        notes: tuple[str, ...] = ()
        try:
            found = trees(wanted.settings, wanted.catalogue, graph, state, on_event=self.progress)
            inputs = Inputs.of(graph, options, found)
        except MissingLock as error:
            inputs = Inputs.of(graph, options, locked=False)
            notes = (f"warning: {error.what}; {_UNLOCKED}", *filter(None, (error.hint,)))
        return Written(export(inputs, directory), notes)

    def check_packages(self, patterns: Sequence[str] = (), chosen: Mapping[str, Any] = NOTHING) -> Findings:
        """Look up every package that the images `build` would build name, in the distribution's index."""
        from kolla.images import check_packages, package_index
        from kolla.images.options import Options

        wanted = self._wanted(patterns, chosen)
        options = Options.of(wanted.settings)
        known = package_index.names(options)
        return Findings(
            check_packages.findings(wanted.selected, wanted.catalogue, options.distribution, known)
        )

    def scan_diff(self, before: str, after: str, chosen: Mapping[str, Any] = NOTHING) -> ScanDiff:
        """The packages that were added, removed, upgraded and downgraded between two builds.

        Each is a build report or a bill of materials (or a directory of either), a tag, an image, `current`
        or `previous`; InputError when it is nothing of that.
        """
        from kolla.images.options import Options
        from kolla.images.scan_diff import changes
        from kolla.images.scans import find

        options = Options.of(chosen_over(self.configuration.build_settings, chosen))
        directory = self.configuration.places.directory
        old, new = (find(asked, options, directory) for asked in (before, after))
        if len(old) == len(new) == 1:  # two images, whatever their names
            old = dict(zip(new, old.values(), strict=True))
        return ScanDiff(
            {name: changes(old[name], new[name]) for name in old if name in new},
            added=tuple(name for name in new if name not in old),
            removed=tuple(name for name in old if name not in new),
        )

    def verify_images(self, chosen: Mapping[str, Any] = NOTHING) -> Findings:
        """Whether what was built, and pushed, is what was signed."""
        from kolla.images.signing import verify

        read = self.configuration
        settings = chosen_over(read.build_settings, chosen)
        return Findings(verify(settings, passwords.load(read.directory), read.places.directory))

    def lock(
        self, constraints: str = "", day: date | None = None, chosen: Mapping[str, Any] = NOTHING
    ) -> Written:
        """Write the lock of a release on a base, by default those of the settings.

        Versions come from OpenStack's upper constraints (file or URL), or from what the index had on a day.
        """
        from kolla.images.lock import Limits, lock

        read = self.configuration
        limits = Limits(constraints, day)
        directory = read.places.directory
        if chosen:  # this cloud's build report stays that of its own release and base
            directory /= "lock"
            directory.mkdir(mode=0o700, exist_ok=True)
        settings = chosen_over(read.build_settings, chosen)
        path = lock(settings, read.catalogue, directory, limits, self.progress)
        return Written((path,))

    def _wanted(self, patterns: Sequence[str], chosen: Mapping[str, Any]) -> _Wanted:
        from kolla.images.overrides import customised
        from kolla.images.selection import Selection

        settings = chosen_over(self.configuration.build_settings, chosen)
        wanted = _Wanted(settings, customised(settings))
        selection = Selection(tuple(patterns), tuple(settings.value("profile")))
        return replace(wanted, names=selection.names(wanted.graph, settings))


@dataclass(frozen=True)
class _Wanted:
    """What a build is told: settings, the catalogue as these change it, and names of images."""

    settings: Globals
    catalogue: Catalogue
    names: tuple[str, ...] = ()
    """None means all published ones."""

    @property
    def graph(self) -> Graph:
        """Every image of the catalogue."""
        from kolla.images.graph import Graph

        binary = self.settings.value("kolla_install_type") == "binary"
        return Graph.of(self.catalogue, binary=binary).on(self.settings.distribution)

    @property
    def selected(self) -> Graph:
        """The named images, and what they are built from."""
        return self.graph.select(self.names)
