from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolla.errors import InputError, Location
from kolla.images.requirements import Lock, Requirement, normalise, parse

TEXT = """\
# a header
alembic==1.18.4 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via oslo-db
keystone==29.1.0 \\
    --hash=sha256:cc
oslo-db==18.0.0 \\
    --hash=sha256:dd
    # via
    #   keystone
    #   Some_Other
some-other==1 \\
    --hash=sha256:ee
"""
WHERE = Location(Path("service.yml"), 3)


def lock() -> Lock:
    return Lock(Path("2026.1-debian-13.txt"), parse(TEXT))


def test_pins_hashes_and_users_are_read() -> None:
    found = parse(TEXT)
    assert found["alembic"] == Requirement("alembic", "1.18.4", ("sha256:aa", "sha256:bb"), ("oslo-db",))
    assert found["oslo-db"].wanted_by == ("keystone", "some-other")
    assert found["keystone"].wanted_by == ()


def test_the_closure_is_what_the_roots_need() -> None:
    names = [r.name for r in lock().closure(["Keystone"], wanted="image 'x'", where=WHERE)]
    assert names == ["alembic", "keystone", "oslo-db"]
    assert [r.name for r in lock().closure(["alembic"], wanted="x", where=WHERE)] == ["alembic"]


def test_a_root_the_lock_lacks_names_image_file_and_command() -> None:
    with pytest.raises(InputError) as caught:
        lock().closure(["keyston"], wanted="image 'x'", where=WHERE)
    message = str(caught.value)
    assert "service.yml:3: image 'x' installs 'keyston'" in message
    assert "kolla lock" in message
    assert "did you mean 'keystone'" in message


def test_a_missing_lock_names_the_command() -> None:
    with pytest.raises(InputError, match=r"no lock for release 1999\.1") as caught:
        Lock.load("1999.1", "debian-13")
    assert "kolla lock --openstack-release 1999.1 --base debian --base-version 13" in str(caught.value)


@pytest.mark.parametrize("base", ["debian-13", "debian-12"])
def test_the_kept_locks_are_whole(base: str) -> None:
    requirements = Lock.load("2026.1", base).requirements
    assert {"keystone", "uwsgi", "uv"} <= set(requirements)
    assert all(r.hashes for r in requirements.values())
    assert all(user in requirements for r in requirements.values() for user in r.wanted_by)
    assert requirements["keystone"].version.startswith("29.")


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


@given(st.dictionaries(NAMES, st.sets(NAMES, max_size=4), min_size=1, max_size=8))
def test_what_is_written_is_read_again(graph: dict[str, set[str]]) -> None:
    blocks = []
    for name, users in graph.items():
        comment = "".join(f"    #   {user}\n" for user in sorted(users))
        blocks.append(f"{name}==1.0 \\\n    --hash=sha256:00\n" + (f"    # via\n{comment}" if users else ""))
    found = parse("# header\n" + "".join(blocks))
    assert {name: set(r.wanted_by) for name, r in found.items()} == graph


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,10}", fullmatch=True))
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)
