"""Recording changes and going back, with the real engine and the real command line."""

from __future__ import annotations

import json

from .conftest import TinyCloud


def test_there_and_back_again(tiny: TinyCloud) -> None:
    tiny.run("deploy")
    first, jobs = tiny.observed(), tiny.jobs
    tiny.set(tiny_word="two", enable_tiny_second=False)
    tiny.build()
    assert "this is revision 2" in tiny.run("deploy")
    assert set(tiny.observed()) == {"tiny_first"}
    assert tiny.jobs == jobs + 1  # for another image

    against = tiny.run("plan", "--against", "1", "--diff", expect=2)
    assert "-word = two\n+word = one\n" in against
    assert "word.conf: [say] word two -> one" in against
    assert "create container tiny-second" in against
    back = tiny.run("rollback", "--yes")
    assert "this is revision 3" in back
    assert "the cloud runs revision 1, which it was rolled back to" in back
    assert tiny.observed() == first
    assert tiny.jobs == jobs + 1  # going back runs no job
    ahead = tiny.run("plan", expect=2)
    assert "warning: the cloud runs revision 1" in ahead
    assert "word.conf: [say] word one -> two" in ahead
    assert "Nothing to do: the hosts are as revision 1 says." in tiny.run("rollback", "1", "--yes")

    assert tiny.results() == [(1, "deploy", "done"), (2, "deploy", "done"), (3, "rollback", "done")]
    differences = json.loads(tiny.run("revisions", "diff", "1", "2", "-f", "json"))["differences"]
    assert {(d["what"], d["subject"]) for d in differences} == {
        ("changed", "container tiny_first"),
        ("removed", "container tiny_second"),
    }
    assert "word.conf: [say] word one -> two" in tiny.run("revisions", "show", "2")


def test_a_deployer_that_was_killed_leaves_an_interrupted_revision_and_the_next_goes_on(
    tiny: TinyCloud,
) -> None:
    tiny.kill_deploy_at("tiny-first")
    tiny.wait_for_the_worker()
    assert tiny.results() == [(1, "deploy", "interrupted")]
    assert "this is revision 2" in tiny.run("deploy").lower()  # also when the host had ended all of it
    assert tiny.results() == [(1, "deploy", "interrupted"), (2, "deploy", "done")]
    good = tiny.observed()
    tiny.set(tiny_word="two")
    tiny.kill_deploy_at("tiny-first")
    tiny.wait_for_the_worker()
    assert "revision 3 (deploy) was interrupted: kolla deploy goes on, kolla rollback goes back to 2" in (
        tiny.run("status")
    )
    tiny.run("rollback", "--yes")
    assert tiny.observed() == good
    assert [result for _, _, result in tiny.results()] == ["interrupted", "done", "interrupted", "done"]


def test_a_change_that_breaks_a_container_is_left_behind(tiny: TinyCloud) -> None:
    tiny.run("deploy")
    good = tiny.observed()
    tiny.set(tiny_word="broken")
    tiny.run("deploy", expect=1)
    assert tiny.results()[-1] == (2, "deploy", "failed")
    tiny.run("rollback", "--yes")
    assert tiny.observed() == good


def test_nobody_can_be_asked(tiny: TinyCloud) -> None:
    assert "nobody can be asked here" in tiny.run("rollback", expect=3)


def test_an_image_that_is_gone_stops_a_rollback_before_anything_is_touched(tiny: TinyCloud) -> None:
    tiny.run("deploy")
    first = tiny.images[0]
    tiny.build()
    tiny.run("deploy")
    before = tiny.observed()
    tiny.engine.images.remove(first, force=True)
    tiny.images.remove(first)
    said = tiny.run("rollback", "--yes", expect=3)
    assert f"revision 1 needs image kolla-tiny-test:{tiny.unique}-0" in said
    assert tiny.observed() == before
    assert len(tiny.results()) == 2
