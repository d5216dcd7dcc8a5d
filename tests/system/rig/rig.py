"""Several hosts on one machine: containers with systemd, sshd and an engine of their own, and a registry.

Every host has three interfaces: eth0 (network "api": SSH, the registry, the way out), eth1 ("tunnel", for
nothing else) and eth2 ("external", up and without an address; the machine is the world outside of it).
A host's disk outlives `stop` and `kill` and ends with `down`; `kill` is a power cut, `start` a boot. With
`disk`, each host's has that size and can be full (`fill`); else it is as large as the machine's.
Everything made carries the label `kolla.rig=<name>`, which is how `down` knows what to remove.
"""

from __future__ import annotations

import io
import ipaddress
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import docker
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from . import image

LABEL = "kolla.rig"
NETWORKS = ("api", "tunnel", "external")
"""In the order of the hosts' interfaces."""
SUBNETS = ipaddress.IPv4Network("10.213.0.0/16")
"""Each network takes the first free /24 of it: .1 the machine, .2 the registry, .11 and up the hosts."""
REGISTRY = 2
REGISTRY_NAME = "registry"
FIRST_HOST = 11
DISKS = {"docker": {"bind": "/var/lib/docker"}, "podman": {"bind": "/var/lib/containers"}}
"""Where engines of a host keep images and volumes: on no file system that is an overlay itself."""
SIZED = {"docker": {"bind": "/var/lib/rig"}}
"""Where its volume is when the disk has a size: the host makes the file system in it that Docker has then."""
DIRECTORY = "kolla-rig-"
"""How the directories of rigs begin, below the one for temporary files."""
PATIENCE = 60
"""Seconds a host may take to boot."""
REMOVAL = 600
"""Seconds a busy machine may take to delete a host's disk, full of images."""
FILLER = "/var/lib/docker/filler"
"""Beginning of the names of what `fill` makes."""
MIRROR = "http://deb.debian.org/debian"

INVENTORY = """\
[all]
{hosts}

[all:vars]
ansible_user=root
ansible_ssh_private_key_file={directory}/key
ansible_ssh_common_args=-F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile={directory}/known_hosts \
-o StrictHostKeyChecking=accept-new
ansible_control_path_dir={directory}/connections
"""


class Rig:
    """Hosts under one name. Rigs of different names do not meet."""

    def __init__(
        self, name: str = "rig", *, mirror: str = MIRROR, parent: Path | None = None, disk: str = ""
    ) -> None:
        """`mirror`: where the hosts' Debian packages come from, when their image must be built. `parent`:
        where its directory is, if that is not to be temporary. `disk`: how large the disk of each host's
        engine is, as `truncate` reads it (`24G`); it takes no more of the machine's than is written."""
        self.name = name
        self._disk = disk
        self.directory = (parent or Path(tempfile.gettempdir())) / f"{DIRECTORY}{name}"
        """Key, known hosts, SSH's connections and the inventory."""
        self._mirror = mirror
        self._client = docker.from_env(timeout=REMOVAL)
        self._labels = {LABEL: name}

    @property
    def inventory(self) -> Path:
        """The inventory of the hosts, without groups: give Ansible a second one for those."""
        return self.directory / "inventory"

    @property
    def registry(self) -> str:
        """`127.0.0.1:PORT`, the registry's address here and on every host alike."""
        bindings = self._container(REGISTRY_NAME).attrs["HostConfig"]["PortBindings"]["5000/tcp"]
        return f"127.0.0.1:{bindings[0]['HostPort']}"

    @property
    def hosts(self) -> list[str]:
        """Its hosts by name, in whatever state they are."""
        containers = self._client.containers.list(all=True, filters={"label": f"{LABEL}={self.name}"})
        names = {container.name.removeprefix(self._name("")) for container in containers}
        return sorted(names - {REGISTRY_NAME})

    @classmethod
    @contextmanager
    def running(cls, name: str, hosts: Sequence[str], *, disk: str = "") -> Iterator[Self]:
        """A rig with these hosts, which go at the end."""
        rig = cls(name, disk=disk)
        try:
            rig.up(hosts)
            yield rig
        finally:
            rig.down()

    def up(self, hosts: Sequence[str]) -> None:
        """Make the hosts and the registry, and wait until they answer. An older rig of the name goes."""
        self.down()
        tag = image.ensure(self._client, self._mirror)
        self.directory.mkdir(mode=0o700)
        (self.directory / "connections").mkdir()
        key = self.directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        networks = [self._network(name) for name in NETWORKS]
        self._registry(tag, networks[0])
        for number, host in enumerate(hosts):
            self._host(tag, networks, host, FIRST_HOST + number)
        lines = [f"{host} ansible_host={self.address(host)}" for host in hosts]
        self.inventory.write_text(INVENTORY.format(hosts="\n".join(lines), directory=self.directory))
        for host in hosts:
            self._wait(host)

    def wake(self) -> None:
        """Switch on what is off, as after a boot of the machine, and wait until it answers."""
        for name in (REGISTRY_NAME, *self.hosts):
            self._container(name).start()
        for host in self.hosts:
            self._wait(host)

    def down(self) -> None:
        """Remove the rig's containers, volumes, networks and files; nothing else."""
        self._remove(f"{LABEL}={self.name}")
        shutil.rmtree(self.directory, ignore_errors=True)

    def clear(self) -> None:
        """`down` of every rig, whatever its name: for what an earlier run left."""
        self._remove(LABEL)
        for directory in self.directory.parent.glob(f"{DIRECTORY}*"):
            shutil.rmtree(directory)

    def _remove(self, wanted: str) -> None:
        label = {"label": wanted}
        for container in self._client.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for volume in self._client.volumes.list(filters=label):
            volume.remove()
        for network in self._client.networks.list(filters=label):
            network.remove()

    def kill(self, host: str) -> None:
        """Cut its power."""
        self._container(host).kill()

    def freeze(self, host: str) -> None:
        """Make it silent: connections stay open, and nobody answers on them."""
        self._container(host).pause()

    def thaw(self, host: str) -> None:
        """End `freeze`."""
        self._container(host).unpause()

    def cut_off(self, host: str) -> None:
        """Take it out of all its networks, as a switch does that fails: its links stay up, and nothing comes
        through them, to or from whomever. `run` still works."""
        for _, port in self._ports(host):
            _ip("link", "set", port, "nomaster")

    def reconnect(self, host: str) -> None:
        """End `cut_off`."""
        for network, port in self._ports(host):
            _ip("link", "set", port, "master", f"br-{network.id[:12]}")

    def fill(self, host: str) -> None:
        """Leave no byte on the disk of its engine, where containers and volumes are. RuntimeError when the
        disk has no size of its own: the machine's would be full."""
        disk = self.run(host, ["findmnt", "--noheadings", "--output", "SOURCE", "/var/lib/docker"])
        if not disk.startswith("/dev/loop"):
            raise RuntimeError(f"{host}: its disk is the machine's")
        # What must not fail takes nearly all at once; the rest is written until nothing goes in.
        nearly = "$(($(df --output=avail --block-size=1 /var/lib/docker | tail -1) - (16 << 20)))"
        rest = f"! dd if=/dev/zero of={FILLER}.rest bs=4k 2>/dev/null"
        self.run(host, ["sh", "-c", f"fallocate --length {nearly} {FILLER} && {rest}"])

    def free(self, host: str) -> None:
        """End `fill`."""
        self.run(host, ["rm", "-f", FILLER, f"{FILLER}.rest"])

    def stop(self, host: str) -> None:
        """Shut it down."""
        self._container(host).stop(timeout=30)

    def start(self, host: str) -> None:
        """Switch it on, and wait until it answers."""
        self._container(host).start()
        self._wait(host)

    def subnet(self, network: str) -> ipaddress.IPv4Network:
        """The addresses of a network; from .100 on nobody has them."""
        return _subnet(self._client.networks.get(self._name(network)))

    def address(self, host: str, network: str = "api") -> str:
        """A host's address on a network."""
        endpoint = self._container(host).attrs["NetworkSettings"]["Networks"][self._name(network)]
        return str(endpoint["IPAMConfig"]["IPv4Address"])

    def run(self, host: str, command: Sequence[str]) -> str:
        """Run a command on a host, past SSH; its output. RuntimeError, with the output, when it fails."""
        # The library would lose what is printed before it has read the head of the engine's answer.
        done = subprocess.run(
            ["docker", "exec", self._name(host), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{host}: {command} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def _name(self, what: str) -> str:
        return f"kolla-rig-{self.name}-{what}"

    def _container(self, host: str) -> Container:
        return self._client.containers.get(self._name(host))

    def _ports(self, host: str) -> Iterator[tuple[Network, str]]:
        """The networks of a host, and the machine's end of its interface in each."""
        for number, name in enumerate(NETWORKS):
            index = self.run(host, ["cat", f"/sys/class/net/eth{number}/iflink"])
            yield self._client.networks.get(self._name(name)), socket.if_indextoname(int(index))

    def _network(self, name: str) -> Network:
        for subnet in SUBNETS.subnets(new_prefix=24):
            pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
            try:
                network = self._client.networks.create(
                    self._name(name),
                    labels=self._labels,
                    ipam=IPAMConfig(pool_configs=[pool]),
                    # Only the first leads further than to the machine and the other hosts.
                    internal=name != NETWORKS[0],
                )
            except APIError as error:
                if "overlap" not in str(error):
                    raise
            else:
                network.reload()
                return network
        raise RuntimeError(f"no free subnet in {SUBNETS}")

    def _registry(self, tag: str, network: Network) -> None:
        api = self._client.api
        container = api.create_container(
            tag,
            name=self._name(REGISTRY_NAME),
            entrypoint=["docker-registry", "serve", "/etc/rig/registry.yml"],
            labels=self._labels,
            ports=[5000],
            # Chosen here: of the engine it would get another one at each start.
            host_config=api.create_host_config(port_bindings={5000: ("127.0.0.1", _free_port())}),
            networking_config=_endpoint(network, str(_subnet(network)[REGISTRY]), REGISTRY_NAME),
        )
        api.start(container["Id"])

    def _host(self, tag: str, networks: Sequence[Network], host: str, number: int) -> None:
        api = self._client.api
        addresses = [str(_subnet(network)[number]) for network in networks]
        disks = {
            self._client.volumes.create(f"{self._name(host)}-{name}", labels=self._labels).name: place
            for name, place in (DISKS | (SIZED if self._disk else {})).items()
        }
        host_config = api.create_host_config(
            # All that --privileged would give, but for CAP_SYS_RESOURCE, which a machine may not have.
            cap_add=["ALL"],
            cap_drop=["SYS_RESOURCE"],
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            device_cgroup_rules=["a *:* rwm"],
            cgroupns="private",
            tmpfs={"/run": "exec,mode=755", "/run/lock": "", "/tmp": ""},
            binds=disks,
            network_mode=networks[0].name,
        )
        host_config |= {"MaskedPaths": [], "ReadonlyPaths": []}
        container = api.create_container(
            tag,
            name=self._name(host),
            hostname=host,
            labels=self._labels,
            stop_signal="SIGRTMIN+3",
            environment={
                "RIG_REGISTRY_PORT": self.registry.rpartition(":")[2],
                "RIG_ADDRESSES": " ".join(addresses),
                "RIG_DISK": self._disk,
            },
            host_config=host_config,
            networking_config=_endpoint(networks[0], addresses[0], host),
        )
        for network, address in zip(networks[1:], addresses[1:], strict=True):
            network.connect(container["Id"], ipv4_address=address)
        api.put_archive(container["Id"], "/root", self._authorized_keys())
        api.start(container["Id"])

    def _authorized_keys(self) -> bytes:
        key = (self.directory / "key.pub").read_bytes()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            folder = tarfile.TarInfo(".ssh")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o700
            archive.addfile(folder)
            file = tarfile.TarInfo(".ssh/authorized_keys")
            file.size, file.mode = len(key), 0o600
            archive.addfile(file, io.BytesIO(key))
        return buffer.getvalue()

    def _wait(self, host: str) -> None:
        container = self._container(host)
        address = self.address(host)
        deadline = time.monotonic() + PATIENCE
        while not (container.exec_run(["docker", "info"]).exit_code == 0 and _greets(address, 22)):
            if time.monotonic() > deadline:
                journal = container.exec_run(["journalctl", "--no-pager", "--lines=40"]).output.decode()
                raise TimeoutError(f"host {host} does not answer after {PATIENCE} s:\n{journal}")
            time.sleep(0.2)


def _endpoint(network: Network, address: str, alias: str) -> dict[str, object]:
    endpoint = {"IPAMConfig": {"IPv4Address": address}, "Aliases": [alias]}
    return {"EndpointsConfig": {network.name: endpoint}}


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _subnet(network: Network) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(network.attrs["IPAM"]["Config"][0]["Subnet"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _greets(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), 1) as connection:
            connection.settimeout(1)
            return bool(connection.recv(1))
    except OSError:
        return False
