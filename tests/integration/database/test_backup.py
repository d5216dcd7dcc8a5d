"""Backups of a database in use, made, broken and brought back by the image's own jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .conftest import Database, Failed, Images

pytestmark = pytest.mark.long

Make = Callable[[str], Database]

TABLES = """
CREATE DATABASE shop;
CREATE TABLE shop.quiet (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(40), KEY (word));
CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, cents INT);
CREATE TABLE shop.lines (
  number INT AUTO_INCREMENT PRIMARY KEY, order_id INT, FOREIGN KEY (order_id) REFERENCES shop.orders (id)
);
INSERT INTO shop.quiet (word) SELECT CONCAT('word ', seq) FROM shop.seq_1_to_5000;
CREATE USER shop IDENTIFIED BY 'shop';
GRANT ALL ON shop.* TO shop;
"""
SUM = "SELECT COUNT(*), SUM(CRC32(CONCAT(id, word))) FROM shop.quiet"


@contextmanager
def writing(database: Database) -> Iterator[None]:
    """Somebody writes all the time: an order and its line in one transaction."""
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            database.sql(
                "START TRANSACTION; INSERT INTO shop.orders (cents) VALUES (5);"
                " INSERT INTO shop.lines (order_id) VALUES (LAST_INSERT_ID()); COMMIT"
            )

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_backup_of_a_database_in_use_comes_back_into_an_empty_volume(database: Make) -> None:
    shop = database("13")
    shop.start()
    shop.sql(TABLES)
    before = shop.sql(SUM)
    with writing(shop):
        made = shop.job("backup")
    assert made["backup"]["databases"] == ["shop"]
    assert "restored for trial and compared" in made["message"]
    written = int(shop.sql("SELECT COUNT(*) FROM shop.orders")[0])
    shop.stop()
    shop.forget()
    assert shop.job("restore")["restored"] == made["backup"]["name"]
    shop.start()
    assert shop.sql(SUM) == before
    orders, lines = map(int, shop.sql("SELECT COUNT(*) FROM shop.orders; SELECT COUNT(*) FROM shop.lines"))
    assert 0 < orders == lines <= written
    assert shop.sql("SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'shop'") == ["1"]


def test_backups_are_listed_pruned_and_chosen_by_name(database: Make) -> None:
    shop = database("13")
    shop.kept(2)
    shop.start()
    shop.sql(TABLES)
    names = []
    for number in range(3):
        shop.sql(f"CREATE DATABASE round{number}; CREATE TABLE round{number}.t (id INT)")
        names.append(shop.job("backup")["backup"]["name"])
    listed = shop.job("backups")
    assert [backup["name"] for backup in listed["backups"]] == names[:0:-1]
    with pytest.raises(Failed, match="a server uses the data; stop it first: kolla stop mariadb"):
        shop.job("restore")
    shop.stop()
    with pytest.raises(Failed, match=f"there is no backup '{names[0]}'"):
        shop.job("restore", names[0])
    shop.job("restore", names[1])
    shop.start()
    assert shop.sql("SHOW DATABASES LIKE 'round%'") == ["round0", "round1"]


def test_what_is_broken_is_neither_kept_nor_brought_back(database: Make) -> None:
    shop = database("13")
    shop.start()
    shop.sql(TABLES)
    name = shop.job("backup")["backup"]["name"]
    # Pages of a table are overwritten below the server, which has it in memory and does not notice.
    shop.sql("FLUSH TABLES shop.quiet FOR EXPORT; UNLOCK TABLES")
    shop.shell("dd if=/dev/urandom of=/var/lib/mysql/shop/quiet.ibd bs=16k seek=5 count=3 conv=notrunc 2>&1")
    with pytest.raises(Failed, match="there is no new backup: "):
        shop.job("backup")
    assert [backup["name"] for backup in shop.job("backups")["backups"]] == [name]
    assert shop.shell("ls -A /var/lib/mariadb-backup").split() == [name]
    shop.stop()
    archive = f"/var/lib/mariadb-backup/{name}/data.tar.gz"
    shop.shell(
        f"cp {archive} /var/lib/mysql/kept && printf x | dd of={archive} bs=1 seek=5000 conv=notrunc 2>&1"
    )
    with pytest.raises(Failed, match=r"nothing was restored: .* its SHA-256 is another one"):
        shop.job("restore")
    shop.shell(f"mv /var/lib/mysql/kept {archive}")
    shop.job("restore")
    shop.start()
    assert shop.sql("SELECT COUNT(*) FROM shop.quiet") == ["5000"]


def test_a_newer_server_takes_the_data_over_and_only_a_backup_leads_back(
    database: Make, images: Images
) -> None:
    shop = database("12")
    shop.start()
    shop.sql(TABLES)
    before = shop.sql(SUM)
    made = shop.job("backup")["backup"]
    assert made["server"].startswith("10.11.")
    assert shop.takeover()["from"].startswith("10.11.")
    shop.stop()
    shop.image = images("13")
    assert shop.takeover()["from"].startswith("10.11.")
    shop.start()
    assert shop.job("upgrade")["upgraded"]
    assert not shop.job("upgrade")["upgraded"]
    assert shop.sql(SUM) == before
    shop.sql("INSERT INTO shop.quiet (word) VALUES ('later')")
    later = shop.job("backup")["backup"]
    assert later["server"].startswith("11.")
    shop.image = images("12")
    for _ in range(2):  # the server of Debian 13 says so, then what is noted beside its data
        with pytest.raises(Failed, match=r"MariaDB 10\.11\.[0-9]+ cannot read the data of 11\."):
            shop.takeover()
        if shop.server is not None:
            shop.stop()
    with pytest.raises(Failed, match=r"whose files this one, 10\.11\.[0-9]+, cannot read"):
        shop.job("restore")
    shop.job("restore", made["name"])
    shop.takeover()
    shop.start()
    assert shop.sql(SUM) == before
