from kolla.settings.inventory import Inventory

LISTING = {
    "_meta": {"hostvars": {"c1": {"network_interface": "eth0"}}},
    "all": {"children": ["baremetal", "compute", "control", "keystone", "monitoring", "ungrouped"]},
    "baremetal": {"children": ["compute", "control"]},
    "compute": {"hosts": ["n2", "n1", "c1"]},
    "control": {"hosts": ["c2", "c1"]},
    "keystone": {"children": ["control"], "hosts": ["k1"]},
}


def test_hosts_stand_in_the_order_of_the_usual_groups():
    assert Inventory.parse(LISTING).hosts == ("c2", "c1", "n2", "n1", "k1")


def test_groups_hold_the_hosts_of_their_children():
    groups = Inventory.parse(LISTING).groups
    assert groups["keystone"] == ("k1", "c2", "c1")
    assert groups["baremetal"] == ("n2", "n1", "c1", "c2")
    assert set(groups["all"]) == {"c1", "c2", "n1", "n2", "k1"}


def test_empty_groups_are_known_though_ansible_leaves_them_out():
    assert Inventory.parse(LISTING).groups["monitoring"] == ()
    assert "storage" not in Inventory.parse(LISTING).groups


def test_variables_of_every_host():
    found = Inventory.parse(LISTING, ["a", "b"])
    assert found.host_vars["c1"] == {"network_interface": "eth0"}
    assert found.host_vars["n1"] == {}
    assert found.sources == ("a", "b")


def test_nothing():
    assert Inventory.parse({}).hosts == ()
