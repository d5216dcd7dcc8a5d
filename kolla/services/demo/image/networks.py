"""The external network, the project's own, the router between them, and what may come in."""

from __future__ import annotations

from typing import Any

import openstack
import rules
from work import Refused, Work


def _fixed(external: dict[str, Any]) -> dict[str, Any]:
    """What an external network is, for good."""
    return {
        "is_router_external": True,
        "provider_network_type": "flat",
        "provider_physical_network": external["physical_network"],
    }


def check(work: Work) -> None:
    """Refuse what networks that are there already make impossible, before anything is made."""
    external, own = work.settings["external"], work.settings["network"]
    find(work, external["network"], external["cidr"], **_fixed(external))
    find(work, own["network"], own["cidr"])
    names = {net.id: net.name for net in work.cloud.network.networks(is_router_external=True)}
    others = [
        (names[subnet.network_id], subnet.cidr)
        for subnet in work.cloud.network.subnets()
        if subnet.network_id in names and names[subnet.network_id] != external["network"]
    ]
    if refusal := rules.overlapping(external["cidr"], others):
        raise Refused(refusal)


def ensure(work: Work) -> tuple[Any, Any, Any]:
    """The external network, the project's own, and the subnet of that."""
    external, own = work.settings["external"], work.settings["network"]
    outside = ensure_network(work, external["network"], external["cidr"], **_fixed(external))
    first, last = rules.pool(external["range"])
    ensure_subnet(
        work,
        outside,
        external["cidr"],
        gateway_ip=external["gateway"],
        allocation_pools=[{"start": first, "end": last}],
        is_dhcp_enabled=False,
    )
    inside = ensure_network(work, own["network"], own["cidr"])
    subnet = ensure_subnet(work, inside, own["cidr"], dns_nameservers=own["dns"])
    return outside, inside, subnet


def find(work: Work, name: str, cidr: str, **fixed: Any) -> Any:
    """The network of a name, or None. Refused when it is there with what cannot be changed."""
    network = work.own(work.cloud.network.networks(name=name), f"networks '{name}'")
    if network is None:
        return None
    ranges = [subnet.cidr for subnet in work.cloud.network.subnets(network_id=network.id)]
    present = {key: getattr(network, key) for key in ("name", *fixed)}
    if refusal := rules.differences(present, fixed, cidr, ranges):
        raise Refused(refusal)
    return network


def ensure_network(work: Work, name: str, cidr: str, **fixed: Any) -> Any:
    """A network; what its provider fixed when it was made cannot be changed."""
    network = find(work, name, cidr, **fixed)
    if network is None:
        network = work.cloud.network.create_network(name=name, **fixed)
        work.changed(f"network {name} made")
    return network


def ensure_subnet(work: Work, network: Any, cidr: str, **wanted: Any) -> Any:
    """The subnet of these addresses; all else of it can be changed."""
    found = work.cloud.network.subnets(network_id=network.id, cidr=cidr)
    subnet = next(iter(found), None)
    if subnet is None:
        version = 6 if ":" in cidr else 4
        subnet = work.cloud.network.create_subnet(
            network_id=network.id, name=f"{network.name}-subnet", cidr=cidr, ip_version=version, **wanted
        )
        work.changed(f"subnet {subnet.name} made: {cidr}")
    if different := rules.changed({key: getattr(subnet, key) for key in wanted}, wanted):
        subnet = work.cloud.network.update_subnet(subnet, **different)
        work.changed(f"subnet {subnet.name} changed: {', '.join(different)}")
    return subnet


def ensure_router(work: Work, outside: Any, subnet: Any) -> None:
    """The router, its way out and its port inside."""
    name = work.settings["network"]["router"]
    router = work.own(work.cloud.network.routers(name=name), f"routers '{name}'")
    gateway = {"network_id": outside.id}
    if router is None:
        router = work.cloud.network.create_router(name=name, external_gateway_info=gateway)
        work.changed(f"router {name} made")
    elif (router.external_gateway_info or {}).get("network_id") != outside.id:
        work.cloud.network.update_router(router, external_gateway_info=gateway)
        work.changed(f"router {name} leads to {outside.name}")
    ports = work.cloud.network.ports(device_id=router.id, network_id=subnet.network_id)
    if not any(address["subnet_id"] == subnet.id for port in ports for address in port.fixed_ips):
        work.cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
        work.changed(f"router {name} joined to {subnet.name}")


def ensure_rules(work: Work) -> None:
    """SSH and ping into servers of the project's default security group."""
    group = work.own(
        work.cloud.network.security_groups(name="default", project_id=work.project), "default groups"
    )
    if group is None:
        raise Refused(f"project {work.project} has no default security group")
    wanted: dict[str, dict[str, Any]] = {
        "SSH": {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        "ping": {"protocol": "icmp"},
    }
    for what, rule in wanted.items():
        rule = {"direction": "ingress", "ether_type": "IPv4", **rule}
        try:
            work.cloud.network.create_security_group_rule(
                security_group_id=group.id, remote_ip_prefix="0.0.0.0/0", **rule
            )
        except openstack.exceptions.ConflictException:
            continue  # the same rule is there
        work.changed(f"{what} allowed into servers of the default security group")
