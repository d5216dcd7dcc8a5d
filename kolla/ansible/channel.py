"""The way between the executor and the plugins inside `ansible-playbook`: a Unix socket.

Requests and answers hold secrets, so they go neither through Ansible's variables and results nor
through files. One JSON document a line; every message gets a reply.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "KOLLA_CHANNEL"
"""Environment variable of `ansible-playbook` that holds the path of the socket."""

Handler = Callable[[dict[str, Any]], Any]


class Channel:
    """The executor's end: calls `handler` for each message, from threads, and sends what it returns.

    When the handler raises, the plugin sees its connection closed; `check` raises the error again.
    """

    def __init__(self, path: Path, handler: Handler) -> None:
        """Listen at `path`, which must lie in a directory only we can enter."""
        channel = self

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    try:
                        reply = handler(json.loads(line))
                    except Exception as error:
                        channel._error = channel._error or error
                        return
                    self.wfile.write(json.dumps(reply).encode() + b"\n")

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

        self._error: Exception | None = None
        self._server = Server(str(path), Connection)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Channel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def check(self) -> None:
        """Raise the first error of the handler, if there was one."""
        if self._error is not None:
            raise self._error


class Client:
    """A plugin's end; connects at the first message."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def call(self, **message: Any) -> Any:
        """Send `message` and return the reply. ConnectionError when the executor is gone."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(os.environ[VARIABLE])
            self._replies = self._socket.makefile("rb")
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        line = self._replies.readline()
        if not line:
            raise ConnectionError("the executor closed the channel")
        return json.loads(line)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._replies.close()
            self._socket.close()
