"""What a `service.yml` may say.

Every string marked *expression* may hold Jinja (`{{ keystone_port }}`); it is evaluated
lazily, once per host, when the desired state is made. Everything else is a literal.
`docs/adding-a-service.md` explains these words by example; the reference is generated from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Volume = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Mode = Annotated[str, Field(pattern=r"^0[0-7]{3}$")]
Absolute = Annotated[str, Field(pattern=r"^/")]
Device = Annotated[str, Field(pattern=r"^/dev/[^:]+$|\{\{.*\}\}")]
Module = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Sysctl = Annotated[str, Field(pattern=r"^[a-z]+[.][^=\s]+$")]
Platform = Annotated[str, Field(pattern=r"^[a-z]+(-[0-9.]+)?$")]
Pair = Annotated[str, Field(pattern=r"^[0-9]{4}[.][12] -> [0-9]{4}[.][12]$")]
Package = Annotated[str, Field(pattern=r"^-?[a-zA-Z0-9][a-zA-Z0-9+._-]*$")]
Packages = tuple[Package, ...]
Amount = int | str
Expression = str
"""A string that may hold Jinja."""
Parents = Annotated[
    tuple[Name, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
]
"""A name, or several."""


class Model(BaseModel):
    """Immutable, and strict about names it does not know. What it refuses may be a host's answer with
    secrets in it, so the text of its errors does not show values."""

    # A run uses few of the models there are: each is built when it is first used, not when it is imported.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


FIRST = "first"
"""In `after` of a container: the same one on another host (`Container.after` says which)."""


class Capability(StrEnum):
    """What one service can offer another; Python knows these and no service by name."""

    DATABASE = "database"
    MESSAGE_BUS = "message_bus"
    CACHE = "cache"
    IDENTITY = "identity"
    PROXY = "proxy"
    IMAGE = "image"
    PLACEMENT = "placement"
    NETWORK = "network"
    COMPUTE = "compute"
    SWITCH = "switch"
    """Virtual switches on the hosts themselves (Open vSwitch)."""
    OVERLAY = "overlay"
    """Virtual networks across hosts (OVN)."""
    STORAGE = "storage"
    """Pools of storage that hosts share (Ceph)."""


class Setting(Model):
    """A key of `globals.yml` (or, when its scope is `host`, of the inventory as well)."""

    type: Literal["string", "boolean", "integer", "port", "address", "network", "list", "mapping", "path"] = (
        "string"
    )
    """What values it takes; docs/reference/settings.md says more."""
    default: Any = None
    """May be an expression over other keys. Without one the key has no value until somebody sets it."""
    description: str
    """One sentence or two, for the reference and the sample file."""
    scope: Literal["cloud", "host"] = "cloud"
    """`host`: may differ from host to host, and is then set in the inventory."""
    choices: tuple[str, ...] = ()
    """The only values allowed."""
    minimum: int | None = None
    """Of an integer: the least that is allowed."""
    required: bool = False
    """Nothing is deployed before it has a value."""


class Password(Model):
    """A key of `passwords.yml`, and how `kolla genpwd` makes it."""

    kind: Literal["password", "uuid", "hex_key", "fernet_key", "erlang_cookie", "ssh_key", "cephx_key"] = (
        "password"
    )
    """40 letters and digits; or what else is to be made (`hex_key`: 32 hexadecimal digits)."""
    description: str
    """What it opens."""


class User(Model):
    """An operating system user inside images. Numbers are on disk in volumes: never renumber."""

    uid: int
    """Its number, the same in every image and every cloud."""
    gid: int | None = None
    """Equal to `uid` when not given."""
    home: Absolute
    """Home directory; made where the user's images need it."""
    groups: tuple[str, ...] = ()
    """Other groups it belongs to: users of this name."""


class Software(Model):
    """The software an image is made for, as the labels of the image tell it."""

    source: str = ""
    """Where its source code is: https://opendev.org/openstack/keystone."""
    license: str = "Apache-2.0"
    """Its licence, as an SPDX expression."""


class Binary(Model):
    """What an image of install type `binary` has in place of `python`: software of the distribution's own."""

    packages: dict[Platform, Packages] = {}
    """Distribution packages installed, besides those of both types."""
    unpacked: dict[Platform, Packages] = {}
    """Those of which only the files are taken: programs, without the daemons they would start."""
    links: dict[Absolute, str] = {}
    """Symbolic links, in place of those with the same path: path -> target."""


class NamedSections(Model):
    """Sections of configuration files whose names are values, as those of storage backends are."""

    named_by: str = Field("", pattern=r"^(\[[^]]+\] [^ ]+)?$")
    """The option whose values name them: `[DEFAULT] enabled_backends`. Of `name:type` the name counts."""
    names: tuple[str, ...] = ()
    """Names they always have, besides."""
    pattern: str = "{}"
    """The name of the section, with a value in place of `{}`."""
    like: tuple[str, ...] = ()
    """The sections whose options they take; `*` stands for anything. Without any, they are not checked."""


class ConfigOptions(Model):
    """What the software of an image does not say of its oslo.config options by itself. Images built from it
    have the same."""

    modules: tuple[str, ...] = ()
    """Python modules that register options when they are imported, and that nothing else imports."""
    sections: tuple[NamedSections, ...] = ()
    """Sections named by the operator."""


class Image(Model):
    """One image: data for the generic Dockerfile template, or for one of the service's own."""

    parent: Name | None = "base"
    """Name of the image this one is built from; None only for the root of the graph."""
    packages: dict[Platform, Packages] = {}
    """Distribution packages installed. A family's are for all its distributions, theirs for all their
    releases; a nearer list adds to the farther ones and, with `-NAME`, takes away."""
    unpacked: dict[Platform, Packages] = {}
    """Distribution packages of which only the files are taken, without those in /etc and /var, and without
    what they depend on."""
    unavailable: dict[Platform, str] = {}
    """Where it cannot be built, and one sentence why; it and what is built from it are left out there."""
    python: tuple[str, ...] = ()
    """Distributions from PyPI in its virtual environment, in the versions the lock names."""
    system_modules: dict[Platform, tuple[str, ...]] = {}
    """Python modules of its distribution packages, one file each (`rbd` of python3-rbd), that are in its
    virtual environment or its parent's as well: what PyPI does not have."""
    binary: Binary | None = None
    """What it has instead where `kolla_install_type` is `binary`; None: it is the same in both types."""
    user: Name | None = None
    """The user its process runs as; None: root."""
    directories: dict[Absolute, Mode] = {}
    """Directories made for `user`: path -> mode."""
    files: dict[str, Absolute] = {}
    """Files of the service's `image/` folder copied in: name -> path (mode 0755)."""
    copies: dict[Absolute, Name] = {}
    """Files and directories of other images, at the same path in this one: path -> image."""
    dockerfile: str | None = None
    """A template of the service's `image/` folder instead of the generic one; it may extend it."""
    links: dict[Absolute, str] = {}
    """Symbolic links: path -> target."""
    published: bool = True
    """False for images only other builds use (builder, wheelhouse): never deployed nor pushed."""
    software: Software | None = None
    """What it is made for, when that is not the software of the service."""
    options: ConfigOptions = ConfigOptions()
    """For checking configuration files of format `oslo` before anything runs with them."""

    def package_lists(
        self, *, binary: bool = True
    ) -> Iterator[tuple[tuple[str, ...], Mapping[str, Packages]]]:
        """Lists of packages by distribution, with the words that lead to each; `binary`: its own too."""
        yield ("packages",), self.packages
        yield ("unpacked",), self.unpacked
        if binary and self.binary is not None:
            yield ("binary", "packages"), self.binary.packages
            yield ("binary", "unpacked"), self.binary.unpacked


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
    """`PROCESS PORT`: the process must hold an established connection to that port."""
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
    """Path on the host."""
    target: Absolute
    """Path inside."""
    read_only: bool = False
    """Whether it can only be read inside."""
    propagation: Literal["private", "shared", "slave"] = "private"
    """Which later mounts below it are seen by both: none, those of either side (`shared`), those of the
    host (`slave`). Other than private needs a shared mount on the host."""


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
    replaces: tuple[Key, ...] = ()
    """Containers of Kolla-Ansible whose work it does, besides the one of its own name (docs/adopting.md)."""
    group: Name | None = None
    """Inventory group that runs it; default: the service's name."""
    when: Expression = "true"
    """An expression; the container exists only where it is true."""
    for_each: Expression | None = None
    """A list of mappings, each with a `name`: on a host there is one container for each of them, called
    `<container>-<name>`, with volumes of its own, `<volume>_<name>`. Its expressions and templates see the
    mapping as `item`. Whatever names the container names all of them."""
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
    health: Health | None = None
    """Without one, running is healthy."""
    after: tuple[str, ...] = ()
    """What must be ready first: `job/x`, `container/x`, `endpoint/x` or a needed capability. Of what runs on
    several hosts, the one of the same host if there is one, else all. `first`: where its volumes are still
    empty, the same container on the first host that has data in them; on the first of its group while none
    has. Those with data do not wait for each other, and stop one host after the other, the first last."""
    quorum: bool = False
    """True: those of all hosts are one cluster, in which the majority decides. No host is taken away on
    purpose unless those of the others that are ready are more than half of all."""
    stop_timeout: int = 10
    """Seconds between the request to end and the kill."""
    reload: tuple[Expression, ...] = ()
    """Program of the image and its arguments, run in the container as root once changed files of `on_change:
    reload` are in their places. Exit status 0: they are in use, and nobody was interrupted; anything else:
    they are not, and the service goes on as before."""
    impact: Impact = Impact()
    """What is felt, besides its endpoints, while it is started again or replaced."""
    requires: Requirements = Requirements()
    """What the hosts it runs on must offer."""


class Job(Model):
    """Something done once per (command, image, own config, providers' epochs); repeatable."""

    description: str = ""
    """What it does, for people who read a plan: `makes and updates its tables`."""
    each_host: bool = False
    """True: done on every host of its container's group, each with its own record; else on the first."""
    first: bool = False
    """True: done on the host that others wait for, as its container says `first` in `after`, and on no other;
    what makes the data that others get from there. As long as some of the hosts are not asked (`--limit`) and
    no other has data, nobody knows which that is, and it is done nowhere."""
    when: Expression = "true"
    """An expression; a host where it is false does not do it."""
    container: Name | None = None
    """The container whose image, user, volumes and configuration it borrows."""
    takeover: bool = False
    """True: it sees whether the image of its container may have the data there is, and fails with the reason
    where it may not. A rollback does it, too, before any container is touched, though it does no other job of
    a deploy. It waits for nothing."""
    present: bool = False
    """True: of a verb, with the image that the container runs with now, not the one it is going to get; what
    an upgrade keeps safe is kept by the programs it was made with."""
    image: Name | None = None
    """Instead of `container`: an image of the catalogue."""
    command: tuple[Expression, ...]
    """Program of the image and its arguments."""
    config: dict[str, ConfigFile] = {}
    """Files of its own: a change in these runs the job again; in borrowed ones it does not."""
    volumes: dict[Volume, Absolute] = {}
    """Named volumes of its own, besides those of the container: volume -> path inside. They survive
    everything but a confirmed destroy."""
    binds: tuple[Bind, ...] = ()
    """Directories and files of the host, besides those of the container."""
    after: tuple[str, ...] = ()
    """What must be done or ready first: words as for containers; a job that is not done on each host waits
    for every host."""
    before: tuple[str, ...] = ()
    """Containers and jobs that wait for it, in the words of `after`."""
    timeout: int = 300
    """Seconds."""
    success: tuple[int, ...] = (0,)
    """Exit statuses that mean it is done. OpenStack's upgrade checks end with 1 when they only warn."""


class KernelModule(Model):
    """A kernel module that is loaded, now and after every start of the host."""

    name: Module
    """As modprobe(8) knows it. Built into the kernel is as good as loaded."""
    optional: bool = False
    """True: a kernel that does not have it is fine; templates see in `kernel_modules` whether it does."""


class HostResources(Model):
    """What the service's containers need of the host itself; it is there before they start."""

    group: Name | None = None
    """Inventory group of the hosts; default: every host that runs one of the service's containers."""
    when: Expression = "true"
    """An expression; nothing is done on a host where it is false."""
    modules: tuple[KernelModule, ...] = ()
    """Kernel modules."""
    sysctls: dict[Sysctl, Expression] = {}
    """Kernel settings (sysctl(8)), now and after every start of the host: name -> value."""
    shared_mounts: tuple[Absolute, ...] = ()
    """Directories in which containers (`propagation: shared`) and the host see each other's mounts."""
    directories: dict[Absolute, Mode] = {}
    """Directories that exist: path -> mode."""
    at_destroy: dict[Name, tuple[Expression, ...]] = {}
    """Container -> program and arguments, run in it before `kolla destroy` removes it: it ends what would
    outlive the container."""


class Answer(Model):
    """How to tell that an endpoint answers, beyond accepting a connection."""

    http: str | None = None
    """Path asked for over HTTP; a status below 500 is an answer."""
    send: str | None = None
    """Bytes sent first (text with escapes); any reply is an answer. With neither, a greeting is."""
    greets: bool = False
    """The server speaks first."""


class Endpoint(Model):
    """A place where a service is reached."""

    container: Name
    """The container that serves it."""
    port: Expression
    """Port it listens on, and the proxy as well."""
    protocol: Literal["http", "tcp"] = "http"
    """What the proxy understands of it."""
    proxy: bool = True
    """Whether it is reached through the proxy (one address) or directly (every member)."""
    active: Literal["all", "one"] = "all"
    """Of several members, which the proxy passes new connections to: all in turn, or one, and the next when
    that one is gone. Those open to a member that is gone are closed; a member that is back closes none."""
    public: bool = False
    """Whether it is reached from outside, on the external address as well."""
    path: str = ""
    """Path of its URLs: `/v3`."""
    answer: Answer = Answer()
    """How to tell that it answers."""
    listener_options: tuple[Expression, ...] = ()
    """Lines added to the proxy's listener, in the proxy's own language; a text may have several, or none."""


class Entry(Model):
    """One more entry of the identity provider's catalogue, under a name and of a type of its own."""

    type: str
    """Service type of the OpenStack service-types authority: cloudformation, ..."""
    description: str
    """A few words for people who list the catalogue."""
    endpoint: Name
    """The endpoint registered."""


class Domain(Model):
    """A domain of a service's own, for the users and projects that it makes."""

    name: Key
    """What it is called."""
    description: str
    """A few words for people who list domains."""
    administrator: Key
    """A user in it who may do everything there, and nothing elsewhere; its password is like that of a
    service user."""


class Identity(Model):
    """What is registered with the identity provider for this service."""

    type: str
    """Service type of the OpenStack service-types authority: image, compute, ..."""
    description: str = ""
    """Default: the service's title."""
    user: Key | None = None
    """A service user with this name; its password is `<user>_<identity provider>_password`."""
    roles: tuple[str, ...] = ("admin", "service")
    """Roles of the service user in the service project."""
    endpoint: Name | None = None
    """The endpoint registered in the catalogue; None: only the user."""
    others: dict[Name, Entry] = {}
    """What is registered besides, for a service that speaks more than one API: name -> entry."""
    domain: Domain | None = None
    """The domain it makes users in."""
    grants: tuple[str, ...] = ()
    """Roles that are made for it to give, or for administrators to give to its users."""


class StorageUser(Model):
    """A user of the shared storage; its key is the password `<user>_key` of the service that provides it."""

    pools: tuple[Expression, ...] = ()
    """Pools it reads and writes."""
    reads: tuple[Expression, ...] = ()
    """Pools it only reads; whoever writes them makes them."""


class Storage(Model):
    """What a service wants of the shared storage, when it needs it. A user that several services name may
    do what all of them say."""

    pools: tuple[Expression, ...] = ()
    """Pools that are made."""
    users: dict[Name, StorageUser] = {}
    """Users that are made: name -> what they may do."""


class Provision(Model):
    """How this service offers a capability to the others."""

    endpoint: Name | None = None
    """Where it is reached; consumers wait until it answers."""
    volume: Volume | None = None
    """The volume whose epoch says "this is another database than before"."""
    variables: dict[Key, Expression] = {}
    """What consumers' templates see as `<capability>.<key>`; evaluated with `consumer`."""
    job: Job | None = None
    """Run for every consumer (a database and its user, a registration); sees `consumer`."""
    container: Name | None = None
    """Of a proxy: the container that listens for the others, and in which these three are run."""
    drain: tuple[Expression, ...] = ()
    """Of a proxy: program and arguments, to which the name of a host and those of listeners are added. It
    passes nothing new on to that host, and ends when what is on its way has ended, or after a time."""
    admit: tuple[Expression, ...] = ()
    """Of a proxy: the same for the way back; it ends when the host is seen to serve."""
    drained: tuple[Expression, ...] = ()
    """Of a proxy: program and arguments that print, as JSON, whom it passes nothing on to since `drain`: a
    list of [listener, host]."""
    backup: Name | None = None
    """The verb of the service that keeps its data safe: an upgrade runs it before anything changes."""
    restore: Name | None = None
    """The verb of the service that brings such a backup back."""


class Check(Model):
    """A functional check run on demand by `kolla check`, and of a canary: a job that leaves no record."""

    description: str
    """What is true when it succeeds."""
    job: Job
    """What is run to find out."""
    canary: Name | None = None
    """A container of the service: the check is only of a canary that changed it, once for each of its hosts;
    the job finds the host's own name in the environment, as KOLLA_ARGUMENT."""


class Argument(Model):
    """What may be said to a verb besides its name. Its job finds it in the environment, as KOLLA_ARGUMENT;
    never a secret."""

    name: Key
    """What it is, for `kolla VERB --help`, which shows it in capitals."""
    description: str
    """One short sentence."""
    required: bool = False
    """False: the job finds an empty one when nothing was said."""


class Verb(Model):
    """A verb of the service's own, `kolla <name>`: a job run on demand that leaves no record."""

    description: str
    """What it does, for `kolla --help`: one short sentence, as to somebody told to do it."""
    job: Job
    """What is run. The last line it prints, if it is JSON, is its result; the `message` in it is shown."""
    argument: Argument | None = None
    """What may be said besides."""
    one_host: bool = False
    """True: it is about one host of those its job has, which the argument names. Its job and its `check` are
    done there alone, and of what `replaces` stops only the containers of these volumes there: those of other
    hosts go on serving whoever needs them."""
    anywhere: bool = False
    """True: it does not matter which of the hosts of its job does it: the first of those that are asked, so
    one that is left out (`--limit`) is in nobody's way."""
    host_off: bool = False
    """True: it is about a host that is off, which the argument names. Refused when that answers; only the
    others are asked."""
    check: Job | None = None
    """Run first: when it fails, nothing was stopped and nothing replaced."""
    chooses: Job | None = None
    """Finds which of the copies that hosts have is the one to go on with. Done on each host once what
    `replaces` names is stopped, and each time in the same way; it prints, as JSON, what is there: `of` (what
    it is a copy of; null where nothing lies), `at` (a number: how far it is) and `last` (true where it says
    itself that no other is further). The host of the one that is furthest becomes the argument of `job`, and
    keeps it as it is. While there is any doubt nothing is chosen: when a host does not say it, when they are
    copies of different things, when several are the last, or the last is not the furthest."""
    rotates: tuple[Key, ...] = ()
    """Passwords of the service that move on before: each takes the value of the one before it, the first a
    new one, and that of the last is gone. The jobs of a deploy whose files hold them are then done on all
    hosts, before that of the verb; where one could not be, the next deploy does it."""
    replaces: tuple[Volume, ...] = ()
    """Volumes of the service whose content it puts another in place of. Meanwhile the containers of these
    volumes, and those of every service that needs what they hold, are stopped; afterwards they are started in
    their order, and jobs that were done for the earlier content are done again."""
    loses: str = ""
    """What is gone afterwards, to complete "this ...": the operator is asked first."""


class Leaving(Model):
    """What is done about a host that is taken out of the cloud, or not to be used for some time. Jobs find
    the name that the host gives itself in the environment, as KOLLA_ARGUMENT, and are done on another one."""

    container: Name
    """The container whose hosts it is about."""
    drain: Name | None = None
    """The verb of the service that moves what is on the host elsewhere, and lets nothing new come; its
    argument is the host."""
    undrain: Name | None = None
    """The verb by which the host is used again."""
    evacuate: Name | None = None
    """The verb that brings back elsewhere what was on a host that is off."""
    occupied: Job | None = None
    """Fails, with the reason, while something is on the host that would be lost with it."""
    forget: Job | None = None
    """Once nothing runs there any more: takes the host out of what the service knows of its hosts."""


class Return(Model):
    """Whether a service can go back to the older release of a pair before the upgrade is finished."""

    safe: bool
    """True: the older release runs with what the newer one left, and nothing is lost."""
    because: str
    """Why, in one sentence."""


class Upgrade(Model):
    """What happens to a service between two OpenStack releases, besides the swap of its containers."""

    checks: dict[Name, Job] = {}
    """Run with the new images before anything is changed. One that fails stops the upgrade."""
    expand: dict[Name, Job] = {}
    """Jobs done with the new images before containers are swapped: the older release still runs with what
    they leave."""
    postponed: tuple[Name, ...] = ()
    """Jobs of the service that wait for `kolla upgrade --finish`, as they take away what the older release
    needs, or are not for it to repeat. Whoever waits for them waits for those of `expand` meanwhile, after a
    rollback for those of `back`."""
    finish: dict[Name, Job] = {}
    """Jobs of `kolla upgrade --finish`, besides those postponed to it: migrations of data."""
    back: dict[Name, Job] = {}
    """Jobs of a rollback, done with the older images before the older containers start. Never a schema's."""
    after: dict[Name, tuple[str, ...]] = {}
    """Container -> what must run the new release first, besides what it waits for always; words as for
    containers."""
    releases: dict[Pair, Return] = {}
    """`2025.2 -> 2026.1` -> whether and why one can go back. A pair that is not named is not known to be
    safe."""


class Service(Model):
    """A service: images, containers, jobs, endpoints, and what it needs from and gives to others."""

    name: Name
    """Also the name of its folder, and of its folder below `config/`."""
    title: str
    """A few words: Identity service."""
    description: str = ""
    """What else an operator should know; docs/reference/settings.md tells it."""
    software: Software = Software()
    """What its images are made for."""
    enabled: bool | None = None
    """Default of `enable_<name>`; None: the folder has nothing to run and no such key."""
    needs: tuple[Capability, ...] = ()
    """Capabilities it uses; whoever provides them is found and wired."""
    may_need: dict[Capability, Expression] = {}
    """Capabilities it needs only where an expression over settings of the cloud is true."""
    provides: dict[Capability, Provision] = {}
    """Capabilities it offers to others."""
    groups: dict[Name, Parents] = {}
    """Inventory groups of this service -> the group (or list of groups) whose hosts they have unless the
    inventory says otherwise; `everywhere`: all that any other service's group has. A group of the service's
    own name is assumed below `control`."""
    sets: dict[Name, tuple[Name, ...]] = {}
    """Names for parts of the cloud that are started, stopped and looked at together -> what of it is of this
    service: containers of its own, its own name for all of them, or other sets. Services may share a set."""
    settings: dict[Key, Setting] = {}
    """Keys it adds to globals.yml."""
    refuses: dict[Expression, Expression] = {}
    """Why settings cannot go together, in a sentence -> an expression over them, true where they do not.
    Looked at when settings are read, for every host, where somebody set one of the service's own that the
    expression names: defaults refuse nobody."""
    limits: dict[Expression, Expression] = {}
    """What it does not do on a host, and why, in a sentence -> an expression, true on the hosts where that is
    so. `kolla prechecks` warns of it."""
    passwords: dict[Key, Password] = {}
    """Keys it adds to passwords.yml, besides those of databases and of its identity."""
    users: dict[Name, User] = {}
    """Operating system users of its images."""
    images: dict[Name, Image] = {}
    """Images it adds."""
    profiles: tuple[Name, ...] = ()
    """Sets of images that its published ones belong to, as `kolla build --profile` knows them."""
    releases: dict[str, dict[str, str]] = {}
    """OpenStack release -> distribution on PyPI -> version specifier: the roots of the lock."""
    databases: tuple[Key, ...] = ()
    """Each gets a database, a user of the same name, and `<name>_database_password`."""
    storage: Storage = Storage()
    """Pools and users of the shared storage, in use while the service needs `storage`."""
    identity: Identity | None = None
    """What is registered with the identity provider."""
    endpoints: dict[Name, Endpoint] = {}
    """Places where it is reached."""
    host: HostResources = HostResources()
    """What the containers need of the host itself."""
    requires: Requirements = Requirements()
    """What every host that runs one of its containers must offer."""
    containers: dict[Name, Container] = {}
    """What runs."""
    formerly: dict[Volume, Volume] = {}
    """Volumes that a new version of the service renames: name -> the name before. What is in the earlier one
    is copied, while nothing uses it, and stays as well."""
    host_volumes: tuple[Volume, ...] = ()
    """Volumes that say something of their host alone: on another one they are rightly empty."""
    jobs: dict[Name, Job] = {}
    """What is done once before or after something runs."""
    checks: dict[Name, Check] = {}
    """What `kolla check` tries."""
    verbs: dict[Name, Verb] = {}
    """Verbs it adds to the command line."""
    leaving: Leaving | None = None
    """What is done about a host that leaves, besides what a deploy without it does."""
    client_files: dict[str, str] = {}
    """Files `kolla post-deploy` writes for people: name -> template in `config/`."""
    upgrade: Upgrade = Upgrade()
    """How it goes from one OpenStack release to another, and back."""


class ServiceFolder(Model):
    """A service and where it was read, for its templates and for messages."""

    service: Service
    path: Path
    overlays: tuple[Path, ...] = ()
    """Directories of the operator whose files take the place of those in `image/`; the last one wins."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    def image_file(self, name: str) -> Path:
        """Path of a file of the `image/` folder, or of what is laid over it."""
        found = (path / name for path in reversed(self.overlays) if (path / name).is_file())
        return next(found, self.path / "image" / name)
