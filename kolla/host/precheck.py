"""What would keep a deployment from working on this host: all findings at once."""

from __future__ import annotations

import ipaddress
import platform
import shutil
import socket
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from . import clock, engines, facts, firewall, listeners, neighbour, processes, vrrp
from .cloud import Cloud
from .engine import Engine, EngineUnreachable
from .errors import Refusal
from .own import engine_of, own_containers
from .shapes import Json

GIB = 1 << 30
NONLOCAL_BIND = "/proc/sys/net/{}/ip_nonlocal_bind"
"""`1`: programs may bind to addresses that are not here yet, as where keepalived moves them."""

KVM = Path("/dev/kvm")

MEMORY_TOLERANCE = 0.95
"""A machine sold with so much memory shows a little less: the kernel keeps some for itself."""


def precheck(request: Json) -> Json:
    """Findings about the engine, and about what the request names: ports, sockets, addresses, virtual
    ones and their routers, directories, memory, devices, virtualization, the firewall, the host's name.
    Changes nothing."""
    began = time.time()
    cloud = Cloud.of(request)
    findings: list[Json] = [_clock(clock.is_kept())]
    engine: Engine | None = None
    try:
        engine = engine_of(request, cloud)
        findings.append(_engine(engine.name, engine.version))
    except EngineUnreachable as refusal:
        hint = refusal.details["hint"]
        findings.append(_finding("engine", request["engine"], False, str(refusal), hint))
    own_pids = _pids(engine, cloud, request.get("makes_way", ())) if engine else {}
    findings += _ports(request.get("ports", ()), own_pids)
    findings += [
        _socket(path, name, listeners.listening_at(path), own_pids)
        for path, name in sorted(request.get("sockets", {}).items())
    ]
    findings += [_address(address) for address in request.get("addresses", ())]
    findings += [_virtual(asked, own_pids) for asked in request.get("virtual_addresses", ())]
    findings += [
        _router(asked)
        for asked in request.get("virtual_routers", ())
        if asked["container"] not in own_pids.values()
    ]
    findings += _space(_directories(request, engine))
    if "memory" in request:
        findings.append(_memory(request["memory"], facts.memory()))
    findings += [_device(path, name) for path, name in sorted(request.get("devices", {}).items())]
    findings += [_virtualization(asked) for asked in request.get("virtualization", ())]
    findings += _firewall(request.get("firewall", False))
    if request.get("hostname"):
        interfaces = facts.interfaces().values()
        own = {address for each in interfaces for address in each["addresses"] + each["addresses6"]}
        findings.append(_hostname(socket.gethostname(), own))
    return {"findings": findings, "clock": [began, time.time()]}


def _finding(check: str, subject: str, ok: bool, message: str, hint: str = "") -> Json:
    finding = {"check": check, "subject": subject, "ok": ok, "message": message, "hint": hint}
    return {**finding, "warning": False}


def _clock(kept: bool) -> Json:
    """Whether somebody keeps the clock right; what it differs from others by, the controller sees."""
    if kept:
        return _finding("clock", "synchronization", True, "the clock is kept right")
    message = "nothing on this host has set the clock by a time server"
    hint = "install chrony or systemd-timesyncd, unless what is below this host keeps its clock right"
    return {**_finding("clock", "synchronization", True, message, hint), "warning": True}


def _engine(name: str, version: str) -> Json:
    oldest_known = engines.kind_of(name).oldest
    if engines.numbers(version) < oldest_known:
        oldest = ".".join(map(str, oldest_known))
        message = f"{name} {version} answers, {oldest} or newer is needed"
        return _finding("engine", name, False, message, "install a newer one")
    return _finding("engine", name, True, f"{name} {version} answers")


def _pids(engine: Engine, cloud: Cloud, making_way: Iterable[str]) -> dict[int, str]:
    """Pid of the first process of each running container of the cloud, and of those that make way for it ->
    its name."""
    found = {}
    for name in (*own_containers(engine, cloud), *making_way):
        container = engine.inspect(name)
        if container and container["State"]["Pid"]:
            found[container["State"]["Pid"]] = name
    return found


def _ports(asked: Iterable[Json], own_pids: dict[int, str]) -> list[Json]:
    present = listeners.listening()
    return [
        _port(each, listeners.conflicts(each["address"], each["port"], present), own_pids) for each in asked
    ]


def _port(asked: Json, found: list[listeners.Listener], own_pids: dict[int, str]) -> Json:
    subject = listeners.place(asked["address"], asked["port"])
    for listener in found:
        who = _stranger(listener.inode, own_pids)
        if who is None:
            continue
        where = listeners.place(listener.address, listener.port)
        message = f"port {asked['port']}, which {asked['service']} needs, is in use on {where} by {who}"
        return _finding("port", subject, False, message, f"stop it, or give {asked['service']} another port")
    return _finding("port", subject, True, f"free for {asked['service']}")


def _socket(path: str, name: str, inodes: Iterable[str], own_pids: dict[int, str]) -> Json:
    for inode in inodes:
        who = _stranger(inode, own_pids)
        if who is not None:
            message = f"'{name}' listens there, and so does {who}"
            hint = "it is the host's own: stop it and keep it from starting at boot, its .socket unit as well"
            return _finding("socket", path, False, message, hint)
    return _finding("socket", path, True, f"free for '{name}'")


def _stranger(inode: str, own_pids: dict[int, str]) -> str | None:
    """Who has a socket, in words; None when a container of ours does."""
    pid = listeners.owner(inode)
    if pid is None:
        return "somebody outside this process table"
    if own_pids.keys() & set(processes.ancestors(pid)):
        return None
    return f"process {pid} ({processes.program(pid)})"


def _address(address: str) -> Json:
    for name, interface in facts.interfaces().items():
        if address in interface["addresses"] + interface["addresses6"]:
            return _finding("address", address, True, f"on interface {name}")
    nonlocal_bind = Path(NONLOCAL_BIND.format("ipv6" if ":" in address else "ipv4"))
    if nonlocal_bind.exists() and nonlocal_bind.read_text().strip() == "1":
        return _finding("address", address, True, "not here, but the kernel lets programs bind to it")
    message = f"no interface of this host has the address {address}"
    return _finding("address", address, False, message, "give it to one (ip address add), or name another")


def _virtual(asked: Json, own_pids: Mapping[int, str]) -> Json:
    """An address that a container of the cloud is to move between hosts: it must have a place here, and be
    nobody else's."""
    address, name = asked["address"], asked["name"]
    present = facts.interfaces()
    here = [each for each, found in present.items() if address in found["addresses"] + found["addresses6"]]
    if here and asked["container"] not in own_pids.values():
        message = f"interface {here[0]} has it already, and '{name}' is to give it to the host that serves"
        return _finding("virtual address", address, False, message, f"ip address del {address} dev {here[0]}")
    if not any(_is_within(address, each["networks"]) for each in present.values()):
        message = f"no interface of this host is in a network with it, for '{name}'"
        return _finding("virtual address", address, False, message, "name another VIP, or another interface")
    if not asked["held"] and (stranger := neighbour.answers(address)):
        message = f"somebody who is not of this cloud has it: {stranger}"
        return _finding("virtual address", address, False, message, "name another VIP")
    return _finding("virtual address", address, True, f"for '{name}'")


def _router(asked: Json) -> Json:
    """A number that a container of the cloud is to speak under: nobody else in the network may have it."""
    interface, number, name = asked["interface"], asked["number"], asked["name"]
    subject = f"{number} on {interface}"
    try:
        strangers = sorted(vrrp.heard(interface).get(number, set()) - set(asked["peers"]))
    except OSError as error:
        return _finding("virtual router", subject, False, f"nobody can listen there: {error.strerror}")
    if strangers:
        message = f"{', '.join(strangers)} has it in this network (VRRP), and '{name}' is to have it"
        return _finding(
            "virtual router", subject, False, message, f"set {asked['setting']} to another number"
        )
    message = f"for '{name}'; nobody else was heard (who tells it to some hosts alone, is not)"
    return _finding("virtual router", subject, True, message)


def _is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether one of the networks has the address; one of a single address does not count."""
    found = ipaddress.ip_address(address)
    known = (ipaddress.ip_network(each) for each in networks)
    return any(found in each for each in known if each.num_addresses > 1)


def _directories(request: Json, engine: Engine | None) -> dict[str, int]:
    """Directory -> bytes that must be free in it, the engine's own included if an engine answers."""
    needed = dict(request.get("directories", {}))
    if engine is not None and "engine_space" in request:
        directory = engine.directory()
        needed[directory] = needed.get(directory, 0) + request["engine_space"]
    return needed


def _space(asked: Mapping[str, int]) -> list[Json]:
    """One finding for each file system: what lies on the same one shares its space."""
    found: dict[int, list[str]] = {}
    for path in sorted(asked):
        found.setdefault(_existing(path).stat().st_dev, []).append(path)
    return [_file_system(paths, sum(asked[path] for path in paths)) for paths in found.values()]


def _file_system(paths: list[str], needed: int) -> Json:
    existing = _existing(paths[0])
    free = shutil.disk_usage(existing).free
    subject = ", ".join(paths)
    message = f"{free / GIB:.1f} GiB free, {needed / GIB:.1f} GiB are needed"
    hint = "" if free >= needed else f"make room below {existing}"
    return _finding("space", subject, free >= needed, message, hint)


def _existing(path: str) -> Path:
    """The directory that a path will be made in."""
    existing = Path(path)
    while not existing.exists():
        existing = existing.parent
    return existing


def _device(path: str, name: str) -> Json:
    ok = Path(path).exists()
    message = f"there, for '{name}'" if ok else f"'{name}' needs it, and it is not there"
    return _finding("device", path, ok, message, "" if ok else "load the kernel module that makes it")


def _virtualization(asked: Json) -> Json:
    """`kvm`: a present /dev/kvm is no proof, the processor must be able to as well."""
    kind, setting = asked["kind"], asked["setting"]
    if kind != "kvm":
        return _finding("virtualization", kind, True, "emulation: works everywhere, and servers are slow")
    device, able = KVM.exists(), _virtualizes(platform.machine(), Path("/proc/cpuinfo").read_text())
    if device and able:
        return _finding("virtualization", kind, True, f"for '{asked['name']}': {KVM}, and a processor for it")
    instead = f"set {setting}: qemu" if setting else "set it to qemu"
    if device:
        message = f"{KVM} is there, but the processor shows neither vmx nor svm"
        hint = (
            "the device alone is no proof: it may be a KVM in software (such as PVM), on which a stock guest "
            f"kernel does not start; {instead}"
        )
    else:
        message = f"there is no {KVM}"
        hint = f"switch virtualization on in the firmware and load the kernel's kvm modules; or {instead}"
    return _finding("virtualization", kind, False, message, hint)


def _virtualizes(architecture: str, cpuinfo: str) -> bool:
    """Whether processors of an architecture can run guests at their own speed; only those of PCs have to
    say so (proc(5), cpuinfo: vmx of Intel's, svm of AMD's)."""
    if architecture != "x86_64":
        return True
    words = (line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.startswith("flags"))
    return any({"vmx", "svm"} & set(flags) for flags in words)


def _hostname(name: str, own: Collection[str]) -> Json:
    """What the host's name stands for here: services that know each other by name ask as we do."""
    try:
        found = sorted({str(each[4][0]) for each in socket.getaddrinfo(name, None)})
    except OSError:
        found = []
    if name.partition(".")[0] == "localhost":
        message, hint = "a name that every host has for itself", "give it one: hostnamectl set-hostname NAME"
        return _finding("hostname", name, False, message, hint)
    strange = [address for address in found if address not in own and not _is_loopback(address)]
    if strange:
        message = f"the name leads to {', '.join(strange)}, which is no address of this host"
        hint = "mend /etc/hosts or the name server"
        return {**_finding("hostname", name, True, message, hint), "warning": True}
    where = f"leads to {', '.join(found)}" if found else "leads nowhere, which nothing minds"
    return _finding("hostname", name, True, where)


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _firewall(wanted: bool) -> list[Json]:
    """Whether there can be a firewall of ours, and what the host's own keeps out."""
    if not firewall.is_there():
        message = f"this host has no program '{firewall.PROGRAM}', which loads its rules"
        hint = "run: kolla bootstrap-servers"
        return [_finding("firewall", firewall.PROGRAM, False, message, hint)] if wanted else []
    try:
        closed = firewall.closed()
    except Refusal as refusal:
        return [_finding("firewall", firewall.PROGRAM, False, str(refusal))] if wanted else []
    if closed or not wanted:
        return [_closed(chain) for chain in closed]
    message = "there, and no other rules of this host close all they do not name"
    return [_finding("firewall", firewall.PROGRAM, True, message)]


def _closed(chain: str) -> Json:
    message = "it lets nothing in that it does not name; rules of Kolla's do not open what others close"
    hint = "have it let in what hosts and users of the cloud send to services (docs/firewall.md)"
    return {**_finding("firewall", chain, True, message, hint), "warning": True}


def _memory(needed: int, present: int) -> Json:
    ok = present >= needed * MEMORY_TOLERANCE
    message = f"this host has {present / GIB:.1f} GiB of memory, {needed / GIB:.1f} GiB are needed"
    return _finding("memory", "memory", ok, message)
