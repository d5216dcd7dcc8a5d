"""Going back from an upgrade with the backup it made, with the real engine and the real command line."""

from __future__ import annotations

from .conftest import TinyCloud


def test_what_cannot_go_back_with_its_data_goes_back_with_the_backup_of_the_upgrade(tiny: TinyCloud) -> None:
    tiny.has_backups()
    tiny.build("2025.2")
    tiny.run("deploy")
    tiny.word.write_text("then")
    before = tiny.observed()
    tiny.build("2026.1")
    tiny.run("upgrade")
    tiny.word.write_text("since")
    after, jobs = tiny.observed(), tiny.jobs

    said = tiny.run("rollback", "--yes", expect=3)
    assert "going back restores the backup first, which loses the words of since" in said
    assert tiny.observed() == after

    said = tiny.run("rollback", "--restore", "--yes")
    assert "! restores the backup first, which revision 2 made" in said
    assert "tiny cannot go back without it: It writes words that the older one cannot read." in said
    assert tiny.word.read_text() == "then"
    assert tiny.observed() == before
    assert tiny.jobs == jobs  # no job of a deploy is done again
    assert "Nothing to do: the hosts are as revision 1 says." in tiny.run("rollback", "1", "--yes")
    assert "2025.2 runs, and the images are of 2026.1: this is an upgrade" in tiny.run("deploy", expect=3)
    assert [result for _, _, result in tiny.results()] == ["done", "done", "done"]
