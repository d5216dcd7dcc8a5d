"""What every container may do and see, written as a page from the services themselves."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.model import Bind, Container

START_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETPCAP", "SETUID")
"""What PID 1 and the start script need: place files with owner and mode, drop to the service's user,
and signal it. Everything else is dropped (capabilities(7))."""

_INTRODUCTION = f"""\
# Privileges

<!-- Made by `make reference` from the services' service.yml; do not edit. -->

What each container may do and see. None is privileged (`--privileged`), and no setting makes one so. Each has
what these tables say and nothing else:

- **Capabilities**: all are dropped but those the start script needs to place files and to become the
  service's user: {", ".join(START_CAPABILITIES)}.
  That user then has none at all. One that stays `root` keeps these, and those of its table.
- **New privileges**: `no-new-privileges` is set unless a table says otherwise: no program of the image can
  gain what its caller does not have.
- **Confinement**: the engine's AppArmor profile, its filter of system calls and the paths of /proc and /sys
  it hides stay in force unless a table says otherwise.
- **Host**: every container is in the host's network. It has processes, cgroups and devices of its own unless
  a table says otherwise.
- **Mounts**: besides those of its table, each has its configuration folder (read-only) and the volume that
  all log files are in. Words in {{{{ braces }}}} are settings.

Jobs, checks and verbs have what the container has whose place they take; one that runs from an image alone
has nothing of all this. A service that asks for more must say why, or it is refused.
"""

_HEADINGS = ("container", "user", "capabilities", "of the host", "confinement", "mounts", "why")


def extras(catalogue: Catalogue, name: str, container: Container) -> list[str]:
    """What a container asks for that needs a reason, in the words of service.yml."""
    words = (
        *("capabilities", "capabilities_where", "new_privileges"),
        *("pid", "cgroup", "devices", "security_options"),
    )
    asked = [word for word in words if getattr(container, word)]
    return ["user root", *asked] if catalogue.user_of(name, container) == "root" else asked


def text(catalogue: Catalogue) -> str:
    """The page, in Markdown: a table for each service that has containers."""
    sections = [
        f"## {folder.name}\n\n" + "\n".join(_table(catalogue, folder.service.containers)) + "\n"
        for folder in catalogue.folders.values()
        if folder.service.containers
    ]
    return "\n".join([_INTRODUCTION, *sections])


def _table(catalogue: Catalogue, containers: dict[str, Container]) -> Iterator[str]:
    yield _row(_HEADINGS)
    yield _row(["---"] * len(_HEADINGS))
    for name, container in containers.items():
        yield _row(
            (
                name,
                catalogue.user_of(name, container),
                "<br>".join(_capabilities(container)),
                _of_the_host(container),
                _confinement(container),
                "<br>".join(_mounts(container)),
                container.privileges_reason,
            )
        )


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", r"\|").split()) for cell in cells) + " |"


def _capabilities(container: Container) -> Iterator[str]:
    if container.capabilities:
        yield " ".join(container.capabilities)
    for capability, where in container.capabilities_where.items():
        yield f"{capability} where `{where}`"


def _of_the_host(container: Container) -> str:
    shared = ["network"]
    shared += ["processes"] if container.pid else []
    shared += ["cgroups"] if container.cgroup else []
    return ", ".join([*shared, *(f"`{device}`" for device in container.devices)])


def _confinement(container: Container) -> str:
    gaining = ["may gain privileges"] if container.new_privileges else []
    return ", ".join([*gaining, *(f"`{option}`" for option in container.security_options)])


def _mounts(container: Container) -> Iterator[str]:
    yield from (f"volume `{volume}` at `{target}`" for volume, target in container.volumes.items())
    yield from (_bind(bind) for bind in container.binds)
    yield from (f"memory at `{target}`" for target in container.tmpfs)


def _bind(bind: Bind) -> str:
    where = "" if bind.source == bind.target else f" at `{bind.target}`"
    marks = ["read-only"] if bind.read_only else []
    marks += [bind.propagation] if bind.propagation != "private" else []
    return f"`{bind.source}`{where}" + (f" ({', '.join(marks)})" if marks else "")
