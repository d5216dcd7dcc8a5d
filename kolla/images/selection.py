"""Which images a run is about: regular expressions over their names, profiles, and what is left alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kolla.errors import InputError, Location, did_you_mean
from kolla.images.graph import Graph, Node
from kolla.settings.globals import Globals
from kolla.settings.keys import enable_key

PROFILES = "image_profiles"
"""The setting with the operator's own profiles."""

ENABLED = "enabled"
"""The profile of what the settings switch on."""

ALLOWED_TO_FAIL = "build_allowed_to_fail"
"""The setting with the images that may fail."""


@dataclass(frozen=True)
class Selection:
    """What somebody asked for."""

    patterns: tuple[str, ...] = ()
    """Regular expressions, searched anywhere in a name."""
    profiles: tuple[str, ...] = ()

    def names(self, graph: Graph, settings: Globals) -> tuple[str, ...]:
        """The images that any expression or profile names, in the order of the graph; none when nothing
        was asked for, which means all that are published.

        InputError for what is no regular expression, names no image, or is no profile.
        """
        if not self.patterns and not self.profiles:
            return ()
        # Switches are only read when somebody asks for what they say.
        switched_on = enabled(graph, settings) if ENABLED in self.profiles else frozenset()
        known = {ENABLED: switched_on, **profiles(graph, settings)}
        for profile in self.profiles:
            if profile not in known:
                raise InputError(
                    f"there is no profile '{profile}'",
                    expected=f"one of {', '.join(sorted(known))}",
                    hint=did_you_mean(profile, known) or f"profiles of your own go below {PROFILES}",
                )
        chosen = set[str]().union(*(known[name] for name in self.profiles))
        for pattern in self.patterns:
            found = matching([*graph.nodes, *graph.unavailable], [pattern])
            if found <= graph.unavailable.keys():
                raise InputError(graph.unavailable[min(found)])
            chosen |= found
        return tuple(name for name in graph.nodes if name in chosen)


def profiles(graph: Graph, settings: Globals) -> Mapping[str, frozenset[str]]:
    """Every profile -> its images: those that services say they belong to, and the operator's own, which
    win over one of the same name.

    InputError for an own one that is no list of expressions, or names no image.
    """
    found: dict[str, set[str]] = {}
    for name, node in graph.nodes.items():
        for profile in node.folder.service.profiles if node.image.published else ():
            found.setdefault(profile, set()).add(name)
    everything = [*graph.nodes, *graph.unavailable]
    own = {
        profile: matching(everything, _strings(profile, patterns, settings), _where(settings, PROFILES))
        for profile, patterns in settings.value(PROFILES).items()
    }
    return {**{profile: frozenset(names) for profile, names in found.items()}, **own}


def enabled(graph: Graph, settings: Globals) -> frozenset[str]:
    """The published images of services that are switched on, without those that are for other clouds.
    InputError for a switch that says neither."""
    folders = {
        node.folder.name
        for node in graph.nodes.values()
        if node.folder.service.enabled is not None and settings.value(enable_key(node.folder.name))
    }
    return frozenset(
        name
        for name, node in graph.nodes.items()
        if node.image.published and node.folder.name in folders and _is_of(node, settings)
    )


def _is_of(node: Node, settings: Globals) -> bool:
    """Whether the cloud of these settings may have containers of an image."""
    when = node.image.when
    return when == "true" or settings.holds(when, settings.catalogue.find(node.folder.name, when))


def matching(
    names: Collection[str], patterns: Iterable[str], where: Location | None = None
) -> frozenset[str]:
    """The names in which one of `patterns` is found; InputError for one that is found in none."""
    chosen: set[str] = set()
    for pattern in patterns:
        expression = compiled(pattern, where)
        found = {name for name in names if expression.search(name)}
        if not found:
            raise InputError(
                f"there is no image '{pattern}'",
                where=where,
                expected="a regular expression found in a name that kolla build --list-images prints",
                hint=did_you_mean(pattern.strip("^$"), names),
            )
        chosen |= found
    return frozenset(chosen)


def compiled(pattern: str, where: Location | None = None) -> re.Pattern[str]:
    """`pattern`, ready for use; InputError when it is no regular expression."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"'{pattern}' is no regular expression: {error}",
            where=where,
            hint=f"for these very characters, write: {re.escape(pattern)}",
        ) from None


def allowed_to_fail(graph: Graph, settings: Globals) -> frozenset[str]:
    """The images that may fail without failing the run; InputError for what is no regular expression."""
    where = _where(settings, ALLOWED_TO_FAIL)
    expressions = [compiled(str(pattern), where) for pattern in settings.value(ALLOWED_TO_FAIL)]
    return frozenset(name for name in graph.nodes if any(e.search(name) for e in expressions))


@dataclass(frozen=True)
class Scope:
    """What a run has to do with."""

    reached: frozenset[str]
    """The images it builds, and those it builds them from."""
    taken: frozenset[str]
    """Of these, the ones that are taken as they are."""

    @classmethod
    def of(
        cls,
        graph: Graph,
        names: Iterable[str],
        there: Collection[str] = (),
        *,
        skip_parents: bool = False,
        skip_existing: bool = False,
    ) -> Scope:
        """What having `names` asks for, when the engine has the images `there`.

        `skip_existing` takes those that are there; `skip_parents` all but `names`, and InputError when one
        of these is not there. Nothing is reached that only a taken image is built from.
        """
        named = frozenset(names)
        taken = frozenset(there) if skip_existing else frozenset[str]()
        if skip_parents:
            taken |= graph.nodes.keys() - named
        todo, reached = list(named), set[str]()
        while todo:
            name = todo.pop()
            if name not in reached:
                reached.add(name)
                todo += () if name in taken else graph.nodes[name].needs
        missing = [name for name in graph.nodes if name in reached & taken and name not in there]
        if missing:
            patterns = " ".join(f"'^{name}$'" for name in missing)
            raise InputError(
                f"--skip-parents: these do not exist: {', '.join(missing)}",
                expected="images with the tag, namespace and registry of this build",
                hint=f"run: kolla build {patterns}",
            )
        return cls(frozenset(reached), taken & reached)


def _strings(profile: str, patterns: object, settings: Globals) -> Sequence[str]:
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(
            f"{PROFILES}: '{profile}' is no list of regular expressions",
            where=_where(settings, PROFILES),
            expected="{NAME: [REGEX, ...]}",
        )
    return patterns


def _where(settings: Globals, key: str) -> Location | None:
    return settings.given[key].where if key in settings.given else None
