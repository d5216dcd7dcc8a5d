"""What our templates give is taken by the very software of each release.

`schemas/RELEASE.json.xz` holds what the images of that release answered the builder: image -> document.
"""

import json
import lzma
from pathlib import Path

import pytest
from world import World

from kolla.catalogue import loader
from kolla.config.option_schema import Schema
from kolla.config.options_check import check
from kolla.images.option_schemas import wanted
from kolla.state.configured import configured

SCHEMAS = Path(__file__).parent / "schemas"

DEPRECATED = {"[ovn] ovs_create_tap", "[ovn] ovn_emit_need_to_frag"}
"""What templates say though it is going to be removed, because nothing else does the same yet."""

OPTIONS = {
    "enable_nova_serialconsole_proxy": True,
    "nova_cpu_allocation_ratio": 1.5,
    "nova_ram_allocation_ratio": 1,
    "nova_disk_allocation_ratio": 2,
    "nova_reserved_huge_pages": [
        {"node": 0, "size": 2048, "count": 64},
        {"node": 1, "size": "1GB", "count": 1},
    ],
    "nova_pci_device_specs": [{"vendor_id": "10de", "product_id": "1eb8"}, {"address": "0000:0a:00.0"}],
    "nova_pci_aliases": [
        {"name": "gpu", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}
    ],
}
"""Settings with which templates say more."""

CELLS = {
    "nova_console": "novnc",
    "enable_nova_serialconsole_proxy": False,
    "nova_cells": [{"name": "rack2", "compute_group": "compute"}],
}
"""Settings of a cloud with another cell."""


@pytest.fixture(params=["2025.1", "2025.2", "2026.1", "2026.2"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


STORES = {
    "glance_backend_ceph": True,
    "nova_backend_ceph": True,
    "enable_cinder_backend_nfs": True,
    "cinder_nfs_shares": ["192.0.2.21:/volumes"],
}


SAME = {"neutron-agents": "neutron"}
"""Images that have the Python software of another one, and no more."""


@pytest.mark.parametrize("stores", [{}, STORES], ids=["files", "elsewhere"])
def test_every_template_is_taken(world: World, release: str, stores: dict[str, object]) -> None:
    world.globals = {
        "network_interface": "eth0",
        "kolla_internal_vip_address": "10.0.0.250",
        "openstack_release": release,
        "enable_ceph": True,
        "enable_cinder": True,
        "enable_heat": True,
        "enable_notes": False,
        **stores,
        **OPTIONS,
    }
    world.groups |= {group: world.hosts for group in ("compute", "deployment", "network")}
    schemas = json.loads(lzma.decompress((SCHEMAS / f"{release}.json.xz").read_bytes()))
    schemas |= {image: schemas[other] for image, other in SAME.items()}
    words = wanted(loader.load())
    read = configured(world.desired)
    world.globals["nova_console"] = "spice"
    read += configured(world.desired)
    world.globals |= CELLS
    read += configured(world.desired)
    world.globals |= {"neutron_plugin_agent": "openvswitch", "enable_neutron_dvr": True}
    read = (*read, *configured(world.desired))
    assert {found.image.name for found in read} == set(schemas) == set(words)
    for found in read:
        sections = words[found.image.name].model_dump(mode="json")["sections"]
        schema = Schema({**schemas[found.image.name], "sections": sections})
        problems = check({name: file.merged.text for name, file in found.files.items()}, schema)
        assert [p for p in problems if p.kind != "deprecated"] == [], found.name
        assert {p.key for p in problems} <= DEPRECATED
