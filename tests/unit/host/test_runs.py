"""Events of a run."""

import threading
import time

import pytest

from kolla.host import runs
from kolla.host.cloud import Cloud
from kolla.host.errors import Refusal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "r.jsonl"


def test_follow_while_written_then_finished(path):
    file = runs.RunFile(path)
    file.tell({"n": 1})
    events, offset, finished, died = runs.follow(path, 0, 0)
    assert (events, finished, died) == ([{"n": 1}], False, False)
    assert runs.follow(path, offset, 0) == ([], offset, False, False)
    file.tell({"n": 2})
    file.tell(runs.FINISHED)
    file.close()
    events, end, finished, died = runs.follow(path, offset, 0)
    assert (events, finished, died) == ([{"n": 2}], True, False)
    assert runs.RunFile(path).offset == end


def test_a_writer_that_is_gone_without_a_last_word_died(path):
    file = runs.RunFile(path)
    file.tell({"n": 1})
    file.close()
    assert runs.follow(path, 0, 5)[0::3] == ([{"n": 1}], True)


def test_half_a_line_waits_for_its_other_half(path):
    file = runs.RunFile(path)
    file.tell({"n": 1})
    with path.open("ab") as other:
        other.write(b'{"n": ')
    assert runs.follow(path, 0, 0)[0] == [{"n": 1}]


def test_waits_for_news_but_not_longer_than_told(path):
    file = runs.RunFile(path)
    timer = threading.Timer(0.3, file.tell, [{"n": 1}])
    timer.start()
    begin = time.monotonic()
    assert runs.follow(path, 0, 10)[0] == [{"n": 1}]
    assert 0.2 < time.monotonic() - begin < 5
    assert runs.follow(path, len('{"n": 1}\n'), 0.2)[0] == []


def test_only_the_latest_are_kept(tmp_path):
    cloud = Cloud("c", "id", tmp_path)
    for i in range(runs.KEPT + 3):
        runs.RunFile(cloud.run(f"r{i}")).close()
    runs.forget_old(cloud)
    assert len(list((tmp_path / "runs").iterdir())) == runs.KEPT


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x"])
def test_a_run_cannot_leave_its_directory(tmp_path, name):
    with pytest.raises(Refusal, match="cannot be the name of a file"):
        Cloud("c", "id", tmp_path).run(name)
