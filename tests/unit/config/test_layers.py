from pathlib import Path

from kolla.catalogue.model import ConfigFile, Service, ServiceFolder
from kolla.config.layers import config_json_paths, paths

OSLO = ConfigFile(to="/etc/", format="oslo")
TEXT = ConfigFile(to="/etc/")


def folder(*needs: str) -> ServiceFolder:
    service = Service.model_validate({"name": "glance", "title": "x", "needs": needs})
    return ServiceFolder(service=service, path=Path("glance"))


def test_every_layer_in_the_usual_order():
    found = paths(folder("database", "message_bus"), "glance-api", "glance.conf", OSLO, "host1")
    assert found == (
        "global.conf",
        "database.conf",
        "messaging.conf",
        "glance.conf",
        "glance/glance.conf",
        "glance/glance-api.conf",
        "glance/host1/glance.conf",
    )


def test_layers_for_what_a_service_needs():
    found = paths(folder("message_bus"), "glance-api", "glance-api.conf", OSLO, "host1")
    assert found == (
        "global.conf",
        "messaging.conf",
        "glance.conf",
        "glance/glance-api.conf",
        "glance/host1/glance-api.conf",
    )


def test_other_files_take_no_cloud_wide_layers():
    found = paths(folder("database"), "glance-api", "uwsgi.ini", TEXT, "host1")
    assert found == ("glance/uwsgi.ini", "glance/host1/uwsgi.ini")


def test_config_json_is_per_container():
    assert config_json_paths(folder(), "glance-api", "host1") == (
        "glance/glance-api/config.json",
        "glance/host1/glance-api/config.json",
    )
