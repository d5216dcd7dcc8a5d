from collections.abc import Sequence
from pathlib import Path

from kolla.catalogue import loader, privileges

from .conftest import MakeService

SERVICE = """\
name: notes
title: x
enabled: true
users: {notes: {uid: 42999, home: /x}}
images: {notes: {user: notes}}
containers:
  plain: {image: notes, command: x}
  much:
    image: notes
    command: x
    user: root
    capabilities: [NET_ADMIN, SYS_ADMIN]
    capabilities_where: {SYS_RESOURCE: "{{ x | length > 0 }}"}
    new_privileges: true
    pid: host
    cgroup: host
    devices: [/dev/kvm]
    security_options: [apparmor=unconfined]
    privileges_reason: "It starts a | b,\n      and more."
    volumes: {data: /data}
    tmpfs: [/tmp]
    binds:
      - {source: /run/netns, target: /run/netns, propagation: shared}
      - {source: "{{ x }}", target: /etc/x, read_only: true}
"""


def cells(path: Path, container: str) -> Sequence[str]:
    """The cells of a container's row."""
    page = privileges.text(loader.load([path]))
    section = page.partition("## notes\n")[2]
    (row,) = [line for line in section.splitlines() if line.startswith(f"| {container} |")]
    return [cell.strip() for cell in row.replace(r"\|", "!").strip("|").split("|")]


def test_a_container_that_asks_for_nothing_has_the_network(make_service: MakeService):
    assert cells(make_service(SERVICE), "plain") == ["plain", "notes", "", "network", "", "", ""]


def test_everything_a_container_asks_for_is_told(make_service: MakeService):
    assert cells(make_service(SERVICE), "much") == [
        "much",
        "root",
        "NET_ADMIN SYS_ADMIN<br>SYS_RESOURCE where `{{ x ! length > 0 }}`",
        "network, processes, cgroups, `/dev/kvm`",
        "may gain privileges, `apparmor=unconfined`",
        "volume `data` at `/data`<br>`/run/netns` (shared)<br>"
        "`{{ x }}` at `/etc/x` (read-only)<br>memory at `/tmp`",
        "It starts a ! b, and more.",
    ]


def test_what_every_container_has_is_said_first(make_service: MakeService):
    introduction = privileges.text(loader.load([make_service(SERVICE)])).partition("## ")[0]
    assert ", ".join(privileges.START_CAPABILITIES) in introduction
    assert "{{ braces }}" in introduction
