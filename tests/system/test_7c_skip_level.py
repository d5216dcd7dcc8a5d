"""Over a release and back: from a `.1` release to the next one, with the data of now; and after the end of
the upgrade with its backup, which loses what came after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system.between import NEWER, Between, small_cloud

pytestmark = pytest.mark.long

OLDEST = "2025.1"


@pytest.fixture(scope="module")
def oldest(machine_globals: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with small_cloud("skip", tmp_path_factory.mktemp("skip"), OLDEST, machine_globals) as between:
        yield between


def releases(between: Between) -> set[str]:
    return {row["version"] for row in between.cloud.json("status")}


def is_well(between: Between) -> bool:
    return all(finding["ok"] for finding in between.cloud.json("check"))


def test_there_and_back_with_the_data_of_now(oldest: Between) -> None:
    before, cloud = oldest.serving(), oldest.cloud
    oldest.make_user("before the upgrade")
    oldest.build(NEWER)
    cloud.run("upgrade")
    assert releases(oldest) == {NEWER} and is_well(oldest)
    oldest.make_user("between")
    rows = oldest.rows()
    cloud.run("rollback", "--yes")
    assert oldest.serving() == before
    assert oldest.rows() == rows
    assert releases(oldest) == {OLDEST} and is_well(oldest)


def test_back_from_its_end_with_the_backup(oldest: Between) -> None:
    rows, cloud = oldest.rows(), oldest.cloud
    cloud.run("upgrade")
    cloud.run("upgrade", "--finish")
    oldest.make_user("after its end")
    assert "going back restores the backup" in cloud.run("rollback", "1", "--yes", expect=3)
    cloud.run("rollback", "1", "--restore", "--yes")
    assert oldest.rows() == rows
    assert releases(oldest) == {OLDEST} and is_well(oldest)
