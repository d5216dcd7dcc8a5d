"""Tempest, as anybody runs it against a cloud: a virtual environment, a workspace, a `tempest.conf`.

Tempest.prepared(directory, openstack).run("smoke")
"""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from system.client import OpenStack

SUITES: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "suites.yml").read_text())
MEMBER, PASSWORD = "suites", "a password of the suites alone"
"""Project and user of heat's suite, which makes none of its own."""
DASHBOARD = 8088
"""Its port where nobody has chosen another."""
NETWORK, SUBNET = "suites-net", "suites-subnet"


@dataclass(frozen=True)
class Tempest:
    """A workspace that is ready."""

    environment: Path
    workspace: Path

    @classmethod
    def prepared(cls, directory: Path, openstack: OpenStack) -> Tempest:
        """Installed into a directory of its own, configured for the cloud of this administrator, where
        heat's suite has a project then. RuntimeError without ping(8), which tempest calls."""
        if shutil.which("ping") is None:
            raise RuntimeError("tempest calls ping, which is not there: install iputils-ping")
        made = cls(directory / "environment", directory / "workspace")
        packages = [f"{name}=={version}" for name, version in SUITES["packages"].items()]
        _do([sys.executable, "-m", "venv", str(made.environment)])
        _do([made.program("pip"), "install", "--quiet", *packages])
        # It would know of it beyond this run, in the home of whoever runs it.
        known = ("--workspace-path", str(directory / "workspaces.yaml"))
        _do([made.program("tempest"), "init", *known, str(made.workspace)])
        _give_project(openstack)
        written = configparser.ConfigParser(interpolation=None)
        written.read_dict(configuration(openstack))
        with (made.workspace / "etc" / "tempest.conf").open("w") as file:
            written.write(file)
        left_out = "".join(f"{expression}\n" for expression in SUITES["left_out"])
        (made.workspace / "left-out").write_text(left_out)
        return made

    def program(self, name: str) -> str:
        return str(self.environment / "bin" / name)

    def run(self, suite: str) -> Sequence[str]:
        """The tests of a suite that failed; it prints each, and totals. RuntimeError when none was run."""
        chosen = ("--regex", SUITES["suites"][suite], "--exclude-list", "left-out")
        done = subprocess.run(
            [self.program("tempest"), "run", *chosen, "--concurrency", "2"], cwd=self.workspace
        )
        failed = subprocess.run(
            [self.program("stestr"), "failing", "--list"], cwd=self.workspace, capture_output=True, text=True
        ).stdout.split("\n")
        found = [name for name in failed if name.strip()]
        if done.returncode and not found:
            raise RuntimeError(f"{suite}: tempest ended with status {done.returncode}")
        return found


def configuration(openstack: OpenStack) -> dict[str, dict[str, Any]]:
    """What tempest has to know of the cloud: section -> option -> value."""
    auth = openstack.auth
    server = openstack.server("demo1")
    flavors = {flavor["name"]: flavor["id"] for flavor in openstack.get("compute", "/flavors")["flavors"]}
    small = flavors[server["flavor"]["original_name"]]
    image = server["image"]["id"]
    outside = openstack.one("network", "/v2.0/networks?router:external=true")
    dashboard = f"http://{urllib.parse.urlsplit(auth['auth_url']).hostname}:{DASHBOARD}/"
    return {
        "DEFAULT": {"log_file": "tempest.log"},
        "auth": {
            "use_dynamic_credentials": True,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "admin_domain_name": auth["user_domain_name"],
        },
        "identity": {"uri_v3": auth["auth_url"], "auth_version": "v3"},
        "service_available": {
            "cinder": "block-storage" in openstack.services,
            "heat": "orchestration" in openstack.services,
            "horizon": _is_there(dashboard),
            "swift": False,
        },
        "dashboard": {"dashboard_url": dashboard},
        "compute": {
            "image_ref": image,
            "image_ref_alt": image,
            "flavor_ref": small,
            "flavor_ref_alt": small,
            "build_timeout": 300,
            "max_microversion": "latest",
        },
        # On one host there is nowhere to go.
        "compute-feature-enabled": {"resize": False, "cold_migration": False, "live_migration": False},
        "network": {"public_network_id": outside["id"], "floating_network_name": outside["name"]},
        # Emulated servers are slow.
        "validation": {
            "image_ssh_user": "root",
            "ssh_key_type": "ecdsa",
            "ssh_timeout": 240,
            "ping_timeout": 240,
        },
        "volume": {"build_timeout": 300, "storage_protocol": "ceph", "max_microversion": "latest"},
        "volume-feature-enabled": {"extend_attached_volume": True},
        "heat_plugin": {
            "auth_url": auth["auth_url"],
            "auth_version": 3,
            "username": MEMBER,
            "password": PASSWORD,
            "project_name": MEMBER,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "user_domain_name": auth["user_domain_name"],
            "project_domain_name": auth["user_domain_name"],
            "region": "RegionOne",
            "instance_type": server["flavor"]["original_name"],
            "minimal_instance_type": server["flavor"]["original_name"],
            "image_ref": image,
            "minimal_image_ref": image,
            "fixed_network_name": NETWORK,
            "fixed_subnet_name": SUBNET,
            "network_for_ssh": NETWORK,
            "floating_network_name": outside["name"],
        },
    }


def _is_there(url: str) -> bool:
    """Whether somebody answers; no catalogue has the dashboard."""
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


def _give_project(openstack: OpenStack) -> None:
    """A project with a user who is a member, and a network of its own that leads outside; once."""
    if openstack.get("identity", f"/projects?name={MEMBER}")["projects"]:
        return
    domain = "default"
    wanted = {"project": {"name": MEMBER, "domain_id": domain}}
    project = openstack.call("POST", "identity", "/projects", wanted)["project"]["id"]
    wanted = {"user": {"name": MEMBER, "password": PASSWORD, "domain_id": domain}}
    user = openstack.call("POST", "identity", "/users", wanted)["user"]["id"]
    (role,) = openstack.get("identity", "/roles?name=member")["roles"]
    openstack.call("PUT", "identity", f"/projects/{project}/users/{user}/roles/{role['id']}")
    outside = openstack.one("network", "/v2.0/networks?router:external=true")["id"]

    def made(kind: str, **wanted: Any) -> str:
        asked = {kind: {"name": f"suites-{kind}", "project_id": project, **wanted}}
        found: str = openstack.call("POST", "network", f"/v2.0/{kind}s", asked)[kind]["id"]
        return found

    network = made("network", name=NETWORK)
    subnet = made("subnet", name=SUBNET, network_id=network, ip_version=4, cidr="10.77.0.0/24")
    router = made("router", external_gateway_info={"network_id": outside})
    path = f"/v2.0/routers/{router}/add_router_interface"
    openstack.call("PUT", "network", path, {"subnet_id": subnet})


def _do(command: Sequence[str]) -> None:
    subprocess.run(command, check=True)
