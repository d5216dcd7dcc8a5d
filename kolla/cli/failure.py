"""How the command line says no, and the exit codes it says it with."""

from __future__ import annotations

import json
import os
import tempfile
import traceback
from pathlib import Path

import click

from kolla.errors import InputErrors, KollaError, Location

OK = 0
FAILED = 1
CHANGES = 2
BAD_INPUT = 3
LOCKED = 4
INTERRUPTED = 130

EXIT_CODES = {
    OK: "done, or nothing to do",
    FAILED: "something failed; what, and what to do next, is printed",
    CHANGES: "kolla plan: there are changes; kolla adopt: something has to be decided",
    BAD_INPUT: "the command line, settings, inventory or a service are wrong; no host was touched",
    LOCKED: "another deployer holds a host; its owner is named",
    INTERRUPTED: "interrupted; run it again to go on",
}


_HOSTS = "hosts finish what they began"
_NOTHING = "nothing was changed"
_FILES = "files that were written stay so"
_LEFT = {
    "quickstart": f"what was made stays, and {_HOSTS}",
    "build": "images that are done stay, what was half made is gone",
    "push": "what is in the registry stays there",
    "promote": "tags that were moved stay so",
    "publish": "what was built and pushed stays, what was half made is gone",
    "load": "images that were taken stay",
    "exec": "the command may go on in the container",
    **dict.fromkeys(("adopt", "genconfig", "genpwd", "lock", "mergepwd", "post-deploy", "service"), _FILES),
    **dict.fromkeys(("logs", "plan", "prechecks", "revisions", "status", "validate-config"), _NOTHING),
}
"""Verb -> what its interruption leaves behind, where that is not about what hosts do; of a service's verb it
is."""


class Interrupted(KollaError):
    """Somebody pressed Ctrl-C while a verb was at work; empty: before there was one."""

    exit_code = INTERRUPTED

    def __init__(self, verb: str) -> None:
        left = _LEFT.get(verb, _HOSTS) if verb else _NOTHING
        super().__init__("interrupted", hint=f"{left}; run it again to go on")


def document(error: KollaError) -> dict[str, object]:
    """The error as data."""
    if isinstance(error, InputErrors):
        return {"errors": [document(one) for one in error.errors]}
    facts = {
        "what": error.what,
        "where": str(error.where) if error.where else None,
        "expected": error.expected,
        "hint": error.hint,
    }
    return {key: value for key, value in facts.items() if value}


def tell(error: KollaError, output_format: str) -> None:
    """Show an error: text on standard error, or one JSON document on standard output."""
    if output_format == "json":
        click.echo(json.dumps({"error": document(error)}, indent=2))
    else:
        click.echo(str(error), err=True)


def unusable(error: OSError) -> KollaError | None:
    """A file or directory that could not be read or written; None when the error is about something else."""
    if not isinstance(error.filename, str | os.PathLike):
        return None
    return KollaError(error.strerror or type(error).__name__, where=Location(Path(error.filename)))


def defect(error: Exception) -> KollaError:
    """An exception nobody expected, as an error: the traceback goes to a file only its owner reads."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="kolla-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        traceback.print_exception(error, file=log)
    return KollaError(
        f"a defect of kolla: {type(error).__name__}: {error}",
        hint=f"the traceback is in {log.name}",
    )
