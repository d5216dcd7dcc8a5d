"""How the scripts of an image say no: one line on standard error and an exit code."""

from __future__ import annotations


class RuntimeFault(Exception):
    """Something an operator can act on: a missing source, a file that cannot be written."""

    exit_code = 1


class MalformedConfiguration(RuntimeFault):
    """The configuration says something it may not say: an unknown key, a wrong type, an unknown user."""

    exit_code = 2
