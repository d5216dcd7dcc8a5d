"""The server that tries a canary's compute host, in a cloud that is a model."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from .scripts import load

boot = load("nova", "kolla_nova_boot")
CHOOSE = {"image": "", "flavor": "", "network": ""}
GIB = 1 << 30


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "PAUSE", 0.001)
    for limit in ("LIMIT", "CONSOLE_LIMIT", "FAULT_LIMIT", "REPORT_LIMIT"):
        monkeypatch.setattr(boot, limit, 0.05)


def thing(name: str, **others: Any) -> SimpleNamespace:
    return SimpleNamespace(id=f"id-{name}", name=name, **others)


class Cloud:
    """A cloud with a few things, whose servers go through some states; it is its own services."""

    def __init__(self, *states: str, fault: str = "", console: str = "login:", leaves: bool = True) -> None:
        self.image = self.compute = self.network = self
        self.states, self.fault, self.console, self.leaves = list(states), fault, console, leaves
        self.up = True
        self.made: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.known_images = [
            thing("large", status="active", size=9 * GIB, min_disk=0, min_ram=0),
            thing("small", status="active", size=GIB, min_disk=2, min_ram=0),
            thing("half", status="saving", size=1, min_disk=0, min_ram=0),
        ]

    def images(self) -> list[Any]:
        return self.known_images

    def flavors(self) -> list[Any]:
        sizes = (("m1.large", 8192, 80), ("m1.nano", 64, 1), ("m1.tiny", 512, 2))
        return [thing(name, ram=ram, disk=disk) for name, ram, disk in sizes]

    def networks(self) -> list[Any]:
        return [
            thing("HA network tenant p", is_router_external=False, subnet_ids=["h"], project_id=""),
            thing("bare", is_router_external=False, subnet_ids=[], project_id="p"),
            thing("inside", is_router_external=False, subnet_ids=["s"], project_id="p"),
            thing("outside", is_router_external=True, subnet_ids=["t"], project_id="p"),
        ]

    def services(self, **asked: str) -> Iterator[Any]:
        assert asked == {"binary": "nova-compute", "host": "compute1"}
        yield thing("x", state="up" if self.up else "down", availability_zone="rack4")

    def create_server(self, **wanted: Any) -> Any:
        self.made.append(wanted)
        return thing(wanted["name"])

    def get_server(self, server: str) -> Any:
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return SimpleNamespace(status=status, fault={"message": self.fault} if self.fault else None)

    def get_server_console_output(self, server: str) -> dict[str, str]:
        return {"output": self.console}

    def delete_server(self, server: str) -> None:
        self.deleted.append(server)

    def find_server(self, server: str) -> Any:
        return None if self.leaves and server in self.deleted else thing("it")


def test_the_smallest_server_boots_on_the_host_and_goes() -> None:
    cloud = Cloud("BUILD", "BUILD", "ACTIVE")
    result = boot.tried(cloud, "compute1", CHOOSE)
    assert cloud.made == [
        {
            "name": "kolla-canary-compute1",
            "image_id": "id-small",
            "flavor_id": "id-m1.tiny",
            "networks": [{"uuid": "id-inside"}],
            "availability_zone": "rack4:compute1",
        }
    ]
    assert cloud.deleted == ["id-kolla-canary-compute1"]
    assert (result["booted"], result["console"], result["checks"]) == (True, len("login:"), [])


def test_what_is_named_is_taken() -> None:
    cloud = Cloud("ACTIVE")
    boot.tried(cloud, "compute1", {"image": "large", "flavor": "m1.large", "network": "outside"})
    assert cloud.made[0]["image_id"] == "id-large" and cloud.made[0]["flavor_id"] == "id-m1.large"
    with pytest.raises(boot.Refused, match=r"there is no flavour 'm1\.huge'"):
        boot.tried(cloud, "compute1", {**CHOOSE, "flavor": "m1.huge"})


def test_a_cloud_without_an_image_is_told_and_nothing_is_made() -> None:
    cloud = Cloud("ACTIVE")
    cloud.known_images = []
    result = boot.tried(cloud, "compute1", CHOOSE)
    assert result == {
        "booted": False,
        "checks": [
            {
                "check": "boot",
                "result": 1,
                "details": "no server was booted on compute1: the cloud has no image for it",
            }
        ],
    }
    assert cloud.made == []


@pytest.mark.parametrize(
    ("cloud", "said"),
    [
        (Cloud("BUILD", "ERROR", fault="no hypervisor"), "a server on compute1 is in error: no hypervisor"),
        (Cloud("BUILD"), "a server on compute1 is not active after"),
        (Cloud("ACTIVE", leaves=False), "the server on compute1 is not gone"),
    ],
)
def test_a_server_that_does_not_run_is_refused_and_removed(cloud: Cloud, said: str) -> None:
    with pytest.raises(boot.Refused, match=said):
        boot.tried(cloud, "compute1", CHOOSE)
    assert cloud.deleted == ["id-kolla-canary-compute1"]


def test_a_silent_console_is_no_failure() -> None:
    assert boot.tried(Cloud("ACTIVE", console=""), "compute1", CHOOSE)["console"] == 0


def test_a_host_whose_service_does_not_report() -> None:
    cloud = Cloud("ACTIVE")
    cloud.up = False
    with pytest.raises(boot.Refused, match="nova-compute on compute1 does not report"):
        boot.tried(cloud, "compute1", CHOOSE)
    assert cloud.made == []
