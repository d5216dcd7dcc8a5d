"""Django's cache on several memcached servers: each has everything, so that one may go away.

What was deleted leaves a mark, and of different answers the newest counts: a server that was out of reach
for a while brings back no session that was ended meanwhile. Everything is signed, as memcached takes it from
anybody who reaches it, and unpickling what somebody else has made would run their code.
"""

from __future__ import annotations

import hmac
import logging
import pickle
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from pymemcache.client.base import Client

LOG = logging.getLogger(__name__)
Answer = TypeVar("Answer")
REACH = 0.5
"""Seconds a server has to answer."""
REST = 30
"""Seconds a server that did not is left alone."""
MARK = 24 * 3600
"""Seconds it is remembered that something was deleted."""
LARGEST_PERIOD = 30 * 24 * 3600
"""Seconds; a larger number memcached takes for a date."""


class Record(NamedTuple):
    """What is kept under a key, and since when (ns since the epoch)."""

    since: int
    deleted: bool
    value: Any


class Server:
    """One memcached; while it is away it has nothing and takes nothing."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client = Client(address, connect_timeout=REACH, timeout=REACH, no_delay=True)
        self._rests_until = 0.0

    def ask(self, question: Callable[[Client], Answer]) -> Answer | None:
        """The answer; None when there is none."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            return question(self._client)
        except Exception as error:
            # Among them those of a server that answers nonsense: it is of no more use than one that is off.
            LOG.warning("cache %s is left alone for %d seconds: %r", self._address, REST, error)
            self._client.close()
            self._rests_until = time.monotonic() + REST
            return None


class EverywhereCache(BaseCache):
    """All of `LOCATION`, a list of `HOST:PORT`, has the same."""

    def __init__(self, location: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(params)
        addresses = location.split(",") if isinstance(location, str) else location
        self._servers = [Server(address) for address in addresses]

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """What was set last, by whoever could reach any server that is here."""
        record = self._newest(self.make_and_validate_key(key, version=version))
        return default if record is None or record.deleted else record.value

    def set(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        """Tell all servers."""
        record = Record(time.time_ns(), False, value)
        self._write(self.make_and_validate_key(key, version=version), record, self._expiry(timeout))

    def add(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Set it unless it is there. True as well when no server is: trying again would not help."""
        if self.has_key(key, version=version):
            return False
        self.set(key, value, timeout, version)
        return True

    def touch(self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Let it live on from now."""
        record = self._newest(self.make_and_validate_key(key, version=version))
        if record is None or record.deleted:
            return False
        self.set(key, record.value, timeout, version)
        return True

    def delete(self, key: str, version: int | None = None) -> bool:
        """Mark it as gone, on all servers."""
        name = self.make_and_validate_key(key, version=version)
        record = self._newest(name)
        if record is None or record.deleted:
            return False
        self._write(name, Record(time.time_ns(), True, None), MARK)
        return True

    def has_key(self, key: str, version: int | None = None) -> bool:
        """Whether it is there."""
        record = self._newest(self.make_and_validate_key(key, version=version))
        return record is not None and not record.deleted

    def close(self, **kwargs: Any) -> None:
        """Connections stay open between requests."""

    def _newest(self, name: str) -> Record | None:
        answers = (server.ask(lambda client: client.get(name)) for server in self._servers)
        records = (unsealed(name, answer) for answer in answers if answer is not None)
        return max((record for record in records if record), key=lambda record: record.since, default=None)

    def _write(self, name: str, record: Record, expiry: int) -> None:
        sealed_record = sealed(name, record)
        for server in self._servers:
            server.ask(lambda client: client.set(name, sealed_record, expire=expiry, noreply=False))

    def _expiry(self, timeout: float | None) -> int:
        """As memcached counts: 0 never, negative at once."""
        if timeout is DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        if timeout is None:
            return 0
        seconds = int(timeout)
        if seconds <= 0:
            return -1
        return seconds if seconds <= LARGEST_PERIOD else seconds + int(time.time())


def sealed(name: str, record: Record) -> bytes:
    """The record as bytes that only who knows the dashboard's key can make, for this key of the cache."""
    data = pickle.dumps(tuple(record))
    return _signature(name, data) + data


def unsealed(name: str, data: bytes) -> Record | None:
    """The record; None when somebody else has made it."""
    signature, data = data[: sha256().digest_size], data[sha256().digest_size :]
    if not hmac.compare_digest(signature, _signature(name, data)):
        return None
    return Record(*pickle.loads(data))


def _signature(name: str, data: bytes) -> bytes:
    key = sha256(b"kolla_cache" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, name.encode() + b"\0" + data, "sha256")
