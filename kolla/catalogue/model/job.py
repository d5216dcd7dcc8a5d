"""What runs once and ends: jobs, checks, and the verbs that are made of them."""

from __future__ import annotations

from kolla.catalogue.model.container import Bind, ConfigFile
from kolla.catalogue.model.words import Absolute, Expression, Key, Model, Name, Volume


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
