"""Entry: one verb, one JSON document on standard input, one on standard output.

Exit status 0 whenever a document was written, refusals included; a traceback is a defect of ours.
"""

from __future__ import annotations

import importlib
import json
import sys

from .errors import OperationFailed, Refusal

VERBS = {
    "observe": "observe",
    "apply": "worker",
    "follow": "following",
    "release": "following",
    "bootstrap": "bootstrap",
    "precheck": "precheck",
    "logs": "logs",
    "revisions": "revisions",
    "holdings": "holdings",
    "destroy": "destroy",
}
"""Verb -> the module whose function of the same name answers it, imported when it is asked for."""


def main() -> None:
    """Answer the request on standard input."""
    if len(sys.argv) != 2 or sys.argv[1] not in VERBS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(VERBS)} < request.json")
    verb = sys.argv[1]
    request = json.load(sys.stdin)
    module = importlib.import_module(f".{VERBS[verb]}", __package__)
    try:
        document = getattr(module, verb)(request)
    except Refusal as refusal:
        document = refusal.answer()
    except OperationFailed as failure:
        document = Refusal("failed", str(failure), log=failure.log).answer()
    json.dump(document, sys.stdout)
