"""`python -m tests.system.rig`: a rig for people."""

import argparse

from .rig import MIRROR, Rig


def main() -> None:
    """Parse, do, show."""
    parser = argparse.ArgumentParser(prog="rig", description="Emulated hosts on the engine of this machine.")
    parser.add_argument("--name", default="rig")
    parser.add_argument("--mirror", default=MIRROR, help="Debian mirror for the image of the hosts")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="make hosts and a registry; replaces an older rig of this name")
    up.add_argument("hosts", nargs="+")
    verbs.add_parser("down", help="remove everything of the rig")
    verbs.add_parser("clear", help="remove everything of every rig")
    for verb, what in (("kill", "cut the power of"), ("stop", "shut down"), ("start", "switch on")):
        verbs.add_parser(verb, help=f"{what} a host").add_argument("host")
    arguments = parser.parse_args()

    rig = Rig(arguments.name, mirror=arguments.mirror)
    if arguments.verb == "up":
        rig.up(arguments.hosts)
        print(f"inventory: {rig.inventory}\nregistry: {rig.registry}")
    elif arguments.verb == "down":
        rig.down()
    elif arguments.verb == "clear":
        rig.clear()
    else:
        getattr(rig, arguments.verb)(arguments.host)


if __name__ == "__main__":
    main()
