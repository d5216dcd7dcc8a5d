import pytest

from kolla.config.unread import check
from kolla.errors import InputError

from .conftest import MakeSettings


def test_files_that_are_read(make_settings: MakeSettings):
    settings = make_settings(
        *("global.conf", "database.conf", "messaging.conf", "keystone.conf"),
        *("keystone/keystone.conf", "keystone/one/keystone.conf", "keystone/policy.yaml"),
        *("keystone/keystone/config.json", "keystone/one/keystone/config.json"),
        *("mariadb/my.cnf", "mariadb/bootstrap.json", "mariadb/database.json"),
        "haproxy/keystone.cfg",
    )
    assert check(settings) == ()


@pytest.mark.parametrize(
    ("file", "nearest"),
    [
        ("keystone/keystone.cnf", "keystone/keystone.conf"),
        ("keystone/two/keystone.conf", "keystone/keystone.conf"),
        ("keystone/policy.yml", "keystone/policy.yaml"),
        ("keystone/config.json", "keystone/keystone/config.json"),
        ("mariadb/galera.cnf", None),
        ("haproxy/memcached.cfg", None),
    ],
)
def test_misplaced_file_of_an_enabled_service(make_settings: MakeSettings, file: str, nearest: str | None):
    with pytest.raises(InputError) as caught:
        check(make_settings(file))
    assert f"config/{file}: nothing reads this file" in str(caught.value)
    if nearest:
        assert f"did you mean config/{nearest}?" in str(caught.value)


def test_all_misplaced_files_at_once(make_settings: MakeSettings):
    with pytest.raises(InputError) as caught:
        check(make_settings("keystone/a.conf", "mariadb/b.conf"))
    assert "keystone/a.conf" in str(caught.value)
    assert "mariadb/b.conf" in str(caught.value)


def test_elsewhere_it_is_a_warning(make_settings: MakeSettings):
    settings = make_settings(
        "globals.conf", "keystne/keystone.conf", "haproxy/x.cfg", "zzz", globals_yml="enable_haproxy: no\n"
    )
    warnings = check(settings)
    assert len(warnings) == 4
    assert "globals.conf: nothing reads this file; did you mean 'global.conf'?" in warnings[0]
    assert "haproxy/x.cfg: not used, service 'haproxy' is not enabled" in warnings[1]
    assert "keystne/keystone.conf: nothing reads this file; did you mean 'keystone'?" in warnings[2]
    assert warnings[3].endswith("zzz: nothing reads this file")
