"""Rules of a service's own verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kolla.catalogue.catalogue import OWN_VERBS
from kolla.catalogue.checks.parts import Broken, Place
from kolla.catalogue.model import Service, Verb


def broken(service: Service) -> Iterator[Broken]:
    """Every rule that a verb breaks."""
    for name, verb in service.verbs.items():
        if name in OWN_VERBS:
            yield Broken(("verbs", name), f"kolla has a verb '{name}' of its own", "another name")
        for rule in _RULES:
            if rule.broken_by(verb):
                yield Broken(("verbs", name, *rule.part), f"'{name}' {rule.what}", rule.expected)


class _Rule(NamedTuple):
    broken_by: Callable[[Verb], bool]
    part: Place
    what: str
    """What the verb does or is, after its name."""
    expected: str


def _told(verb: Verb) -> bool:
    """Whether the operator always names what it is about."""
    return verb.argument is not None and verb.argument.required


def _everywhere(verb: Verb) -> bool:
    """Whether all its jobs are done on each of its hosts."""
    return all(job.each_host for job in (verb.job, verb.check, verb.chooses) if job is not None)


_RULES = (
    _Rule(
        lambda verb: verb.check is not None and not verb.replaces,
        part=("check",),
        what="checks something first and stops nothing afterwards",
        expected="'replaces'",
    ),
    _Rule(
        lambda verb: verb.one_host and not (_told(verb) and _everywhere(verb)),
        part=(),
        what="is about one host, and nobody says which, or its job is not for each",
        expected="an 'argument' that is 'required', and jobs with 'each_host'",
    ),
    _Rule(
        lambda verb: (
            verb.chooses is not None and not (verb.replaces and verb.argument is None and _everywhere(verb))
        ),
        part=("chooses",),
        what="chooses a host, and is told one, stops nothing, or has a job not for each",
        expected="'replaces', no 'argument', and jobs with 'each_host'",
    ),
    _Rule(
        lambda verb: verb.anywhere and bool(verb.one_host or verb.replaces or not verb.job.each_host),
        part=("anywhere",),
        what="is done on any one of its job's hosts, and there is but one, or each matters",
        expected="a job with 'each_host', no 'one_host', no 'replaces'",
    ),
    _Rule(
        lambda verb: verb.host_off and not (_told(verb) and verb.anywhere),
        part=("host_off",),
        what="is about a host that is off, and nobody says which, or that is where it is done",
        expected="an 'argument' that is 'required', and 'anywhere'",
    ),
    _Rule(
        lambda verb: bool(verb.replaces) and not verb.loses,
        part=(),
        what="replaces data and does not say what is lost",
        expected="'loses'",
    ),
)
