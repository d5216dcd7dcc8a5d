"""Plans for tests: small by hand, or any shape by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kolla.state.plan import FileEntry, Folder, JobOperation, Plan, VolumeOperation
from kolla.state.spec import ContainerSpec


def volume(name: str, host: str, after: Sequence[str] = ()) -> VolumeOperation:
    return VolumeOperation(
        id=f"volume:{name}@{host}",
        host=host,
        service="example",
        causes=("it does not exist",),
        after=tuple(after),
        volume=name,
        epoch="e",
    )


def job(name: str, host: str, files: dict[str, str], after: Sequence[str] = ()) -> JobOperation:
    return JobOperation(
        id=f"job:{name}@{host}",
        host=host,
        service="example",
        causes=("never run",),
        after=tuple(after),
        job=name,
        key="k",
        epochs={},
        spec=ContainerSpec(name="example", image="sha256:0"),
        folder=Folder(path="/x", files=tuple(FileEntry(name=n, sha256=s) for n, s in files.items())),
    )


def plan(*operations: VolumeOperation | JobOperation) -> Plan:
    return Plan(cloud_name="kolla", cloud_id="id", precondition="p", operations=operations)


@st.composite
def any_plan(draw: st.DrawFn) -> Plan:
    """Up to 30 operations on up to 4 hosts, each after any of those before it or things already done."""
    hosts = draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30))
    operations: list[VolumeOperation] = []
    for number, host in enumerate(hosts):
        earlier = [operation.id for operation in operations] + ["volume:gone@a"]
        after = draw(st.lists(st.sampled_from(earlier), max_size=4, unique=True))
        operations.append(volume(f"v{number}", host, after))
    return plan(*operations)
