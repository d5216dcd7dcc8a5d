"""Processes."""

import os
import subprocess
import sys
from pathlib import Path

from kolla.host import processes


def test_ours_and_its_parents():
    pid = os.getpid()
    assert processes.lives(pid)
    assert list(processes.ancestors(pid))[:2] == [pid, os.getppid()]
    assert processes.program(pid)


def test_one_that_ended_lives_no_more_even_before_its_parent_knows():
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.lives(process.pid)
    process.wait()
    assert not processes.lives(process.pid)
    assert list(processes.ancestors(process.pid)) == [process.pid]
    assert processes.program(process.pid) == ""


def test_one_that_ends_while_it_is_looked_at_has_ended(monkeypatch):
    def gone(path):
        raise ProcessLookupError(3, "No such process")

    monkeypatch.setattr(Path, "read_text", gone)
    assert not processes.lives(os.getpid())
