"""Where a service answers."""

from __future__ import annotations

from typing import Literal

from kolla.catalogue.model.words import Expression, Model, Name


class Answer(Model):
    """How to tell that an endpoint answers, beyond accepting a connection."""

    http: str | None = None
    """Path asked for over HTTP; a status below 500 is an answer."""
    send: str | None = None
    """Bytes sent first (text with escapes); any reply is an answer. With neither, a greeting is."""
    greets: bool = False
    """The server speaks first."""


class Endpoint(Model):
    """A place where a service is reached."""

    container: Name
    """The container that serves it."""
    port: Expression
    """Port it listens on, and the proxy as well."""
    protocol: Literal["http", "tcp"] = "http"
    """What the proxy understands of it."""
    proxy: bool = True
    """Whether it is reached through the proxy (one address) or directly (every member)."""
    active: Literal["all", "one"] = "all"
    """Of several members, which the proxy passes new connections to: all in turn, or one, and the next when
    that one is gone. Those open to a member that is gone are closed; a member that is back closes none."""
    public: bool = False
    """Whether it is reached from outside, on the external address as well."""
    path: str = ""
    """Path of its URLs: `/v3`."""
    answer: Answer = Answer()
    """How to tell that it answers."""
    listener_options: tuple[Expression, ...] = ()
    """Lines added to the proxy's listener, in the proxy's own language; a text may have several, or none."""
