"""Why a build failed, read from its log."""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kolla.errors import KollaError
from kolla.images.engine import BuildError, TookTooLong

TAIL = 15
"""Lines of a failed image's log that are shown."""

LONGEST = 300
"""Characters of the failing line that are shown."""

OUTSIDE = (
    "temporary failure (in name )?resol",  # getaddrinfo(3); apt
    "could not resolve host",  # git, curl
    "could not connect to",  # apt
    "connection (timed out|refused|reset|failed|broken)",
    "network is unreachable|no route to host",
    "read timed out|readtimeout|i/o timeout|tls handshake timeout|operation timed out",
    "incompleteread|unexpected eof|early eof|connection was closed|remote end hung up",
    r"max retries exceeded",  # urllib3
    r"\b(429\s+too many requests|500\s+internal server error|502\s+bad gateway)",
    r"\b503\s+service unavailable|504\s+gateway time-?out",
    r"http error (429|50[0234])|\b(429|50[0234]) (server|client) error",
    "returned error: (429|50[0234])",  # git, curl
    "hash sum mismatch|file has unexpected size|mirror sync in progress",  # apt: a mirror being updated
)
"""Words at the end of a log that say a fetch failed for reasons that may pass. Anything else would fail
again in the same way. Regular expressions; case does not matter."""

UNTRUSTED = "certificate[ _]verif(y|ication)[ _]failed|x509: certificate"
"""Words at the end of a log that say a server's certificate is not trusted (OpenSSL, apt, Go)."""

_TELLING = re.compile(
    r"\b(error|fatal|failed|failure|cannot|could not|unable to|no such|no matching|not found|no space|denied"
    r"|vanished)\b|^E: ",
    re.IGNORECASE,
)
"""Words of a line that speaks of an error."""

_OUTSIDE = re.compile("|".join(OUTSIDE), re.IGNORECASE)
_UNTRUSTED = re.compile(UNTRUSTED, re.IGNORECASE)


def may_pass(text: str) -> bool:
    """Whether a build log ends with a fetch that failed for reasons outside, so that trying again may help.

    Only its last lines count: programs try again by themselves, and say so, before something else fails.
    """
    last = _last_lines(text)
    return _OUTSIDE.search(last) is not None and _UNTRUSTED.search(last) is None


def known(error: KollaError | OSError, place: Path | None = None) -> KollaError:
    """An error as one that concerns a single image: a disk that is full, that of `place` (by default of
    temporary files) unless the error says which. Any other OSError is raised."""
    if isinstance(error, KollaError):
        return error
    if error.errno != errno.ENOSPC:
        raise error
    return KollaError(f"no space left on this machine, in {error.filename or place or tempfile.gettempdir()}")


def explain(name: str, error: KollaError, text: str, log: Path) -> tuple[str, tuple[str, ...]]:
    """Why an image could not be built, in one message, and the last lines of its log, which holds `text`;
    empty when nothing was run, or what was run is not what failed."""
    if not text or not isinstance(error, BuildError):
        return str(error), ()
    vanished = ", ".join(dict.fromkeys(re.findall(r"kolla: vanished: (\S+)", text)))
    if vanished:
        cause = f"the package mirror no longer has {vanished}; run: kolla build --refresh '^{name}$'"
    elif "no space left on device" in text.lower():
        cause = "no space left where the engine keeps images; make room, with: docker builder prune"
    elif _UNTRUSTED.search(_last_lines(text)):
        cause = "a server's certificate is not trusted; set extra_ca_certificates in globals.yml"
    elif may_pass(text):
        cause = f"{error}, because a fetch failed again and again (build_retries)"
    else:
        cause = str(error)
    return f"{cause}; log: {log}", tail(text)


def failing_line(error: KollaError, text: str) -> str:
    """The line of a build log, which holds `text`, that says why the build failed: the last one of the step
    that failed which speaks of an error, or its last. What is wrong, where the log does not tell."""
    lines: list[str] = []
    if isinstance(error, BuildError) and not isinstance(error, TookTooLong):
        lines = [line for line in map(_shown, _of_failed_step(text)) if line]
    telling = [line for line in lines if _TELLING.search(line)]
    return [_shown(error.what), *lines[-1:], *telling[-1:]][-1]


def _of_failed_step(text: str) -> Iterable[str]:
    """What the step of BuildKit that failed printed, or else what BuildKit says of it."""
    failed = re.findall(r"^#(\d+) ERROR: (.*)$", text, re.MULTILINE)
    if not failed:
        return tail(text)
    number, words = failed[-1]
    return re.findall(rf"^#{number} \d+\.\d+ (.*)$", text, re.MULTILINE) or [words]


def _shown(line: str) -> str:
    """A line as a terminal may show it: without colours and whatever else moves the cursor, not too long."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)
    return "".join(character for character in plain if character.isprintable()).strip()[:LONGEST]


def tail(text: str) -> tuple[str, ...]:
    """The last lines that programs printed in a build log (`#7 1.234 line`), or else its last lines."""
    printed = re.findall(r"^#\d+ \d+\.\d+ (.*)$", text, re.MULTILINE)
    return tuple((printed or text.splitlines())[-TAIL:])


def _last_lines(text: str) -> str:
    return "\n".join([*tail(text), *text.splitlines()[-TAIL:]])
