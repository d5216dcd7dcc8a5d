"""`make cloud HOSTS=4`: hosts of a rig, ordinary files about them in a configuration directory, and
`kolla quickstart` with these.

.venv/bin/python -m tests.system.rig.cloud up 4
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException

from kolla.ansible.inventory import THIS_MACHINE
from kolla.configuration import Configuration
from kolla.errors import KollaError
from kolla.places import write_private
from kolla.settings import globals as globals_file

from . import cloud_files as files
from . import image
from .builds import take_over_usual
from .rig import MIRROR, Rig

NAME = "hosts"
"""Of the cloud and of the rig."""
DIRECTORY = Path("/etc/kolla-hosts")
RIGS = Path("/var/lib")
"""Where the directory of the rig is: it outlives a boot."""


def up(count: int, extra: Path | None) -> int:
    """Make the cloud, or go on where an earlier run stopped; the status to exit with."""
    controllers, compute = files.roles(count)
    hosts = [*controllers, *compute]
    if (DIRECTORY / "inventory").exists():
        rig = _rig()
        if rig.hosts != sorted(hosts):
            raise KollaError(
                f"the cloud in {DIRECTORY} was made for other hosts than {', '.join(hosts)}; "
                f"there are: {', '.join(rig.hosts) or 'none'}",
                hint="make clean-cloud HOSTS=2 removes it",
            )
        rig.wake()
    else:
        given = _begin(extra)
        rig = _rig()
        rig.up(hosts)
        _write(rig, controllers, compute, given)
    status = _kolla("quickstart", *(["--globals", str(extra)] if extra else []))
    if status == 0:
        program = str(Path(sys.executable))
        print(files.farewell(controllers, compute, DIRECTORY, NAME, "SUDO_UID" in os.environ, program))
    return status


def down(purge: bool) -> int:
    """Remove all of it, and say what; the status to exit with. Nothing to remove is no error."""
    if not (DIRECTORY / "globals.yml").exists():
        return 0
    configuration = Configuration(DIRECTORY)
    _refuse_foreign(configuration)
    rig, registry = _rig(), str(configuration.globals.value("docker_registry") or "")
    gone = rig.hosts
    rig.down()
    print(f"removed hosts {', '.join(gone)}, with all that was on them" if gone else "no host is left")
    if registry:
        _remove_images(f"{registry}/")
    if purge:
        _remove_images(f"{image.REPOSITORY}:")
    else:
        print(f"kept image {image.REPOSITORY}, of the hosts themselves (PURGE=1 removes it)")
    return _kolla(
        *("-i", str(THIS_MACHINE), "destroy", "--volumes", "--config", "--yes-i-really-really-mean-it"),
        *(["--purge"] if purge else []),
    )


def _begin(extra: Path | None) -> Mapping[str, Any]:
    """Have an engine on this machine, and what builds images; the settings that `extra` gives."""
    configuration = Configuration(DIRECTORY)
    _refuse_foreign(configuration)
    given = globals_file.to_add(extra, configuration.globals.catalogue) if extra else {}
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    write_private(DIRECTORY / "globals.yml", files.commented({"cloud_name": NAME, **given}))
    _remember("globals.yml")
    own = Configuration(DIRECTORY).places
    if not own.build_report.exists():
        take_over_usual(own.directory)
    _must("genpwd")
    _remember("passwords.yml")
    _must("-i", str(THIS_MACHINE), "bootstrap-servers")
    return given


def _write(rig: Rig, controllers: list[str], compute: list[str], given: Mapping[str, Any]) -> None:
    """Everything that depends on the hosts; the inventory last, which says that all is there."""
    around = files.Surroundings(
        addresses={host: rig.address(host) for host in (*controllers, *compute)},
        api=rig.subnet("api"),
        external=rig.subnet("external"),
        registry=rig.registry,
        directory=rig.directory,
    )
    inventory = files.inventory(rig.inventory.read_text(), controllers, compute, around.external)
    written = {
        "globals.yml": files.settings(NAME, around, given),
        "kolla-build.conf": files.BUILDING,
        "ssh_config": files.ssh_config(around),
        "inventory": inventory,
    }
    for name, text in written.items():
        write_private(DIRECTORY / name, text)
        _remember(name)


def _refuse_foreign(configuration: Configuration) -> None:
    path = DIRECTORY / "globals.yml"
    if path.exists() and path not in configuration.made:
        raise KollaError(f"{path} was not made by make cloud HOSTS=...", hint="move it elsewhere")


def _remember(name: str) -> None:
    Configuration(DIRECTORY).remember(DIRECTORY / name)


def _rig() -> Rig:
    mirror = str(Configuration(DIRECTORY).globals.value("debian_mirror") or MIRROR)
    try:
        return Rig(NAME, mirror=mirror, parent=RIGS)
    except DockerException as error:
        raise KollaError(
            f"the engine of this machine does not answer: {error}",
            hint=f"{_program()} --configdir {DIRECTORY} -i {THIS_MACHINE} bootstrap-servers starts it",
        ) from None


def _remove_images(beginning: str) -> None:
    """Take from images the names that begin so. Not by the build report: what it took over from the cloud on
    one host, and was not built here, it names as there."""
    client = docker.from_env()
    tags = [tag for each in client.api.images() for tag in each["RepoTags"] or ()]
    for tag in sorted(tag for tag in tags if tag.startswith(beginning)):
        try:
            client.images.remove(tag)
            print(f"removed image {tag}")
        except APIError as error:  # others run it
            print(f"kept image {tag}: {error.explanation}")


def _program() -> str:
    return str(Path(sys.executable).with_name("kolla"))


def _kolla(*words: str) -> int:
    """A verb, as an operator would call it."""
    sys.stdout.flush()
    return subprocess.run([_program(), "--configdir", str(DIRECTORY), *words], check=False).returncode


def _must(*words: str) -> None:
    if _kolla(*words) != 0:
        raise KollaError(f"kolla {' '.join(words)} failed", hint="mend the cause, then run it again")


def main() -> int:
    """Parse, do, show."""
    parser = argparse.ArgumentParser(prog="cloud", description="A cloud on emulated hosts of this machine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("up", help="from nothing to a server in a cloud of several hosts")
    making.add_argument("hosts", type=int)
    making.add_argument("--globals", type=Path, metavar="FILE", help="settings to add to its globals.yml")
    removing = verbs.add_parser("down", help="remove it")
    removing.add_argument("--purge", action="store_true", help="the engine and packages, too")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "up":
            return up(arguments.hosts, arguments.globals)
        return down(arguments.purge)
    except (KollaError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
