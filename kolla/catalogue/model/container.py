"""Containers: what they run, see and may do."""

from __future__ import annotations

from typing import Literal

from kolla.catalogue.model.words import (
    Absolute,
    Amount,
    Device,
    Expression,
    Key,
    Mode,
    Model,
    Name,
    UpdateOrder,
    Volume,
)


class ConfigFile(Model):
    """A file rendered for a container; the start script copies it in with owner and mode."""

    template: str | None = None
    """A template of the service's `config/` folder, or `service/name` for one of another service's; default:
    the file's own name + `.j2`."""
    variables: dict[Key, Expression] = {}
    """What the template sees besides, as a template that several files are made from needs it."""
    to: Absolute
    """Destination; ends in `/` when it is a directory."""
    owner: Name | None = None
    """Default: the user of the container."""
    mode: Mode = "0600"
    """Mode of the copy inside."""
    format: Literal["oslo", "ini", "yaml", "json", "text"] | None = None
    """How layers are merged. Default by suffix (.ini .yaml .yml .json, else text). `oslo` files
    take the cloud-wide layers (global.conf, database.conf, ...) as well."""
    for_each: Literal["listener"] | None = None
    """Rendered once for every proxied endpoint of the cloud; the file's name is an expression."""
    optional: bool = False
    """True: there is no template; the file exists only if the operator gives one under `config/`."""
    when: Expression = "true"
    """An expression; the file exists only where it is true."""
    on_change: Literal["restart", "reload"] = "restart"
    """What takes another content into use: a start of the container again, or its `reload`."""


class Health(Model):
    """The check that decides ready and healthy. Exactly one of the first four is given."""

    http: Expression | None = None
    """URL answered with a status below 400."""
    listen: Expression | None = None
    """Port the container's process must listen on."""
    connected: Expression | None = None
    """`PROCESS PORT [COUNT]`: the process must hold an established connection to that port, or so many, where
    the first one says only that it begins."""
    command: tuple[Expression, ...] = ()
    """Program of the image and its arguments; exit status 0 is healthy."""
    interval: int = 30
    """Seconds between checks by the engine."""
    timeout: int = 10
    """Seconds one check may take."""
    retries: int = 3
    """Failed checks in a row that make it unhealthy."""
    start_timeout: int | Expression = 120
    """Seconds a container may take to become ready after a start."""


class Bind(Model):
    """A directory or file of the host seen inside the container."""

    source: Expression
    """Path on the host. May be empty on a host, and then there is nothing of it inside."""
    target: Absolute
    """Path inside."""
    read_only: bool = False
    """Whether it can only be read inside."""
    propagation: Literal["private", "shared", "slave"] = "private"
    """Which later mounts below it are seen by both: none, those of either side (`shared`), those of the
    host (`slave`). Other than private needs a shared mount on the host."""


class Traffic(Model):
    """What comes to a container besides connections to its ports, for the firewall of its host."""

    protocol: Literal["tcp", "udp", "vrrp"] = "tcp"
    """What it is; `vrrp`, by which hosts agree who has an address, has no ports."""
    ports: Expression = ""
    """The port it comes to, or the first and the last of several: `5900-5999`. Empty: there is nothing that
    comes, unless it is `vrrp`."""
    address: Expression = "{{ api_address }}"
    """The address of the host it comes to."""


class Requirements(Model):
    """What a host must offer where a service or a container runs: `kolla prechecks` looks for it, nothing is
    made. A text may be empty on a host, and then asks for nothing there, or name several with commas."""

    memory: Amount = 0
    """MiB it takes when it works."""
    disk: dict[str, Amount] = {}
    """MiB that must be free: for a volume of the service, or below a path of the host."""
    devices: tuple[Expression, ...] = ()
    """Devices of the host, besides the `devices` of the container."""
    sockets: tuple[Expression, ...] = ()
    """Sockets of the host (`/run/app/app.sock`) that nobody but the cloud may listen on."""
    virtualization: Expression = ""
    """`kvm`: the processor must be able to; `qemu`: emulation, which works everywhere."""
    interfaces: tuple[Expression, ...] = ()
    """Network interfaces for the service alone: there, up, without default route or any address, and in no
    bridge but one of `bridges`."""
    networks: tuple[Expression, ...] = ()
    """Networks (`10.0.2.1/24`) that are nowhere else on the host, except on one of `bridges`."""
    bridges: tuple[Expression, ...] = ()
    """Bridges of the service's own, which `interfaces` and `networks` may belong to already. No bridge of the
    kernel's has such a name."""
    virtual_addresses: tuple[Expression, ...] = ()
    """Addresses that the container gives to its host and takes away again: in a network of the host, and
    nobody else's. Nothing else of the cloud needs to find them on an interface."""
    virtual_routers: dict[Expression, Expression] = {}
    """Interface -> the number under which hosts agree who has such an address (VRRP), from 1 to 255; nobody
    else in the network of the interface has it."""
    mtu: dict[Expression, Expression] = {}
    """Interface -> bytes of the largest packets (MTU) that it and all behind it must carry. Several of each,
    with commas, belong together in their order. Of interfaces that take less there is a warning."""
    hostname: bool = False
    """True: the host's name must be its own: no other host's, and no other machine's address behind it."""


class Impact(Model):
    """What is felt, besides the container's endpoints, while it is started again or replaced."""

    servers: str = ""
    """What running servers on its host and their networks notice, as it was measured: one short sentence,
    said by `kolla plan`. Empty: nothing."""
    meanwhile: str = ""
    """What has to wait: `no server of this host is started, stopped or moved`."""
    without_others: str = ""
    """What has to wait as long as no other host runs one."""
    with_others: str = ""
    """What is felt where another host's serves in its place."""
    alone: bool = False
    """True: those of other hosts do not serve in its place, as clients come to this one."""


class Container(Model):
    """One container of the service, on every host of its group."""

    image: Name | None = None
    """Default: the image of the container's own name."""
    formerly: tuple[Name, ...] = ()
    """Names it had in earlier versions of the service. A container of such a name makes way for it, and is
    started again when it does not become ready."""
    cannot_succeed: dict[Name, str] = {}
    """Containers whose work it cannot go on with -> why, in one sentence. It is refused where one of them
    runs, until that was taken away with all it had made."""
    replaces: tuple[Key, ...] = ()
    """Containers of Kolla-Ansible whose work it does, besides the one of its own name (docs/adopting.md)."""
    group: Name | None = None
    """Inventory group that runs it; default: the service's name."""
    when: Expression = "true"
    """An expression; the container exists only where it is true."""
    for_each: Expression | None = None
    """A list of mappings, each with a `name`: on a host there is one container for each of them, called
    `<container>-<name>`, with volumes of its own, `<volume>_<name>`. Its expressions and templates see the
    mapping as `item`. Whatever names the container names all of them. They are taken down one
    after the other, on all hosts together."""
    command: Expression
    """What it runs, as a shell would split it."""
    user: Name | None = None
    """Default: the image's user. `root` keeps the `capabilities`; any other user has none."""
    config: dict[str, ConfigFile] = {}
    """Configuration files: name -> where they go."""
    config_check: tuple[Expression, ...] = ()
    """Program of the image and its arguments that reads these files, and ends with another status than 0 when
    it would not run with them. Before a deploy, in a container that is thrown away, without network or
    volumes."""
    volumes: dict[Volume, Absolute] = {}
    """Named volumes: volume -> path inside. They survive everything but a confirmed destroy."""
    directories: dict[Absolute, Mode] = {}
    """Directories made at every start, for the user of the image, as below a volume: path -> mode."""
    binds: tuple[Bind, ...] = ()
    """Directories and files of the host."""
    tmpfs: tuple[Absolute, ...] = ()
    """Paths inside that live in memory."""
    environment: dict[str, Expression] = {}
    """Never a secret: the environment shows in `inspect`."""
    capabilities: tuple[str, ...] = ()
    """Linux capabilities (`NET_ADMIN`) in addition to what the start script needs to place files and drop."""
    capabilities_where: dict[str, Expression] = {}
    """Linux capabilities it has besides where an expression is true: name -> expression."""
    new_privileges: bool = False
    """True: its programs may gain privileges they were not started with (set-user-ID, file capabilities)."""
    pid: Literal["host"] | None = None
    """`host`: it sees and signals the host's processes; default: its own."""
    cgroup: Literal["host"] | None = None
    """`host`: the host's cgroups, as a program needs that puts others into them; default: its own."""
    devices: tuple[Device, ...] = ()
    """Devices of the host (`/dev/net/tun`) it may read, write and make. A text with an expression may be
    empty on a host, and then there is none."""
    security_options: tuple[
        Literal["apparmor=unconfined", "seccomp=unconfined", "systempaths=unconfined"], ...
    ] = ()
    """What of the engine's confinement is taken away: its AppArmor profile, its filter of system calls, or
    the paths of /proc and /sys it hides and write-protects."""
    privileges_reason: str = ""
    """Why it may do more than others, one sentence for the table of all privileges; demanded of whoever asks
    for root, capabilities, new privileges, the host's processes or cgroups, devices, or less confinement."""
    ports: tuple[Expression, ...] = ()
    """Ports it listens on besides those of its endpoints; prechecks look whether they are free. A text may be
    empty on a host, and then there is none."""
    traffic: tuple[Traffic, ...] = ()
    """What else comes to it: to ports that it chooses itself, by other protocols, at other addresses. Only
    from the networks in which hosts that run it have that address; at the API address from those of all."""
    health: Health | None = None
    """Without one, running is healthy."""
    after: tuple[str, ...] = ()
    """What must be ready first: `job/x`, `container/x`, `endpoint/x` or a needed capability. Of what runs on
    several hosts, the one of the same host if there is one, else all; `containers/x` is it on all of them.
    `first`: where its volumes are still empty, the same container on the first host that has data in them; on
    the first of its group while none has. Those with data do not wait for each other, and stop one host after
    the other, the first last."""
    quorum: bool = False
    """True: those of all hosts are one cluster, in which the majority decides. No host is taken away on
    purpose unless those of the others that are ready are more than half of all."""
    stop_timeout: int = 10
    """Seconds between the request to end and the kill."""
    update_order: UpdateOrder = "stop-first"
    """When it is stopped for a new one in its place: `stop-first`, before that is started. `start-first`,
    once that is, so that nobody waits for the engine: both may listen at the same time, or the new one's
    program waits for the end of the other by itself. `ready-first`, once that is ready: both serve
    meanwhile, and the health check must not be answered by the other (one by `listen` is about the
    container's own process). The latter two never where both would write to the same data."""
    reload: tuple[Expression, ...] = ()
    """Program of the image and its arguments, run in the container as root once changed files of `on_change:
    reload` are in their places. Exit status 0: they are in use, and nobody was interrupted; anything else:
    they are not, and the service goes on as before."""
    impact: Impact = Impact()
    """What is felt, besides its endpoints, while it is started again or replaced."""
    requires: Requirements = Requirements()
    """What the hosts it runs on must offer."""
