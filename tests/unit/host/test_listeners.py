"""Listening sockets."""

import os
import socket

import pytest

from kolla.host import listeners
from kolla.host.listeners import Listener

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0
   1: 0100007F:0CEA 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0
"""
TCP6 = TCP.replace("0100007F:0CEA 00", "00000000000000000000000000000000:0CEB 00")
MAPPED = TCP.replace("0100007F:0CEA 00", "0000000000000000FFFF00000100007F:0CEC 00")


@pytest.mark.parametrize(
    ("table", "listener"),
    [
        (TCP, Listener("127.0.0.1", 3306, "4711")),
        (TCP6, Listener("::", 3307, "4711")),
        (MAPPED, Listener("127.0.0.1", 3308, "4711")),
    ],
)
def test_tables(table, listener):
    assert listeners.parse(table) == [listener]


@pytest.mark.parametrize(
    ("asked", "there", "conflict"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "0.0.0.0", True),
        ("10.0.0.1", "::", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("fd00::1", "fd00::1", True),
        ("fd00::1", "fd00::2", False),
        ("fd00::1", "::", True),
        ("fd00::1", "0.0.0.0", False),
        ("::", "10.0.0.1", True),
    ],
)
def test_conflicts(asked, there, conflict):
    present = [Listener(there, 80, "1"), Listener(asked, 81, "2")]
    assert bool(listeners.conflicts(asked, 80, present)) is conflict


def test_a_place_is_written_as_people_write_it():
    assert listeners.place("10.0.0.1", 80) == "10.0.0.1:80"
    assert listeners.place("fd00::1", 80) == "[fd00::1]:80"


def test_our_own():
    with socket.create_server(("127.0.0.1", 0)) as server:
        (found,) = listeners.conflicts(*server.getsockname(), listeners.listening())
        assert listeners.owner(found.inode) == os.getpid()
    assert listeners.owner("0") is None
