"""The health checks. Each takes the command line's arguments and returns None, or why it is not healthy."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from . import processes

Check = Callable[[Sequence[str]], str | None]


def run(check: Check) -> int:
    """Run `check` on the command line; returns the exit status: 0 healthy, 1 not, 2 misused."""
    try:
        reason = check(sys.argv[1:])
    except ValueError:
        print(f"usage: {(check.__doc__ or '').splitlines()[0]}", file=sys.stderr)
        return 2
    if reason:
        print(reason)
    return 1 if reason else 0


def listen(arguments: Sequence[str]) -> str | None:
    """`healthcheck_listen [PROCESS] PORT`: a process of this container listens on the TCP port."""
    name, port = (None, arguments[0]) if len(arguments) == 1 else _two(arguments)
    if _held(name, processes.listening_inodes(int(port))):
        return None
    return f"{name or 'no process'} {'does not listen' if name else 'listens'} on port {port}"


def port(arguments: Sequence[str]) -> str | None:
    """`healthcheck_port PROCESS PORT [COUNT]`: it has so many connections (1) to the remote port."""
    name, number, *count = arguments
    if len(count) > 1:
        raise ValueError(arguments)
    wanted = int(count[0]) if count else 1
    found = _most_held(name, processes.connected_inodes(int(number)))
    if found >= wanted:
        return None
    return f"{name} has {found} connections to port {number}, of {wanted} that it needs"


def socket(arguments: Sequence[str]) -> str | None:
    """`healthcheck_socket PROCESS PATH`: the process holds the unix socket."""
    name, path = _two(arguments)
    if _held(name, processes.unix_inodes(path)):
        return None
    return f"{name} does not hold {path}"


def filemod(arguments: Sequence[str]) -> str | None:
    """`healthcheck_filemod SECONDS PATH`: the file was modified in the last so many seconds."""
    limit, path = _two(arguments)
    try:
        age = time.time() - os.stat(path).st_mtime
    except OSError as error:
        return f"{path}: {error.strerror}"
    if age <= float(limit):
        return None
    return f"{path} was modified {age:.0f} seconds ago, more than {limit}"


def curl(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """`healthcheck_curl URL`: the answer has a status below 400.

    From the environment: HEALTHCHECK_CURL_MAX_TIME (seconds, 10) and HEALTHCHECK_CURL_USER_AGENT. Proxies
    are not used and redirections not followed. The certificate is not verified: it is our own
    service that is asked, often by an address its certificate does not name.
    """
    import http.client
    import urllib.parse

    (text,) = arguments
    url = urllib.parse.urlsplit(text)
    seconds = float(environment.get("HEALTHCHECK_CURL_MAX_TIME", "10"))
    agent = environment.get("HEALTHCHECK_CURL_USER_AGENT", "kolla-healthcheck")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(text)
    if url.scheme == "https":
        import ssl

        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            url.hostname, url.port, timeout=seconds, context=ssl._create_unverified_context()
        )
    else:
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=seconds)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        connection.request("GET", target, headers={"User-Agent": agent, "Connection": "close"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{text}: {error or type(error).__name__}"
    finally:
        connection.close()
    return f"{text}: status {status}" if status >= 400 else None


def _two(arguments: Sequence[str]) -> tuple[str, str]:
    first, second = arguments
    return first, second


def _held(name: str | None, inodes: set[str]) -> bool:
    """Whether a process called `name` holds one of the sockets."""
    return bool(_most_held(name, inodes))


def _most_held(name: str | None, inodes: set[str]) -> int:
    """How many of the sockets that process called `name` holds that holds most.

    On the host's network /proc/net shows every container's sockets: only holding one tells.
    """
    if not inodes:
        return 0
    return max((len(inodes & processes.held_inodes(pid)) for pid in processes.find(name)), default=0)
