"""Images in one file, for a site without network.

A bundle is an image archive as `docker save` writes it, so what images share is in it once, with our own
files below `kolla/` at its end: the build report, the signed one it was cut from if there is one, the
package lock, the record of the base, the bills of materials, and last the index, which has the SHA-256 of
every other member.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict

from kolla.build_report import BuildReport, BuiltImage, InstallType, unlike
from kolla.errors import InputError, KollaError, Location
from kolla.events import Event, Listener, ignore
from kolla.images import base
from kolla.images.engine import Engine, connect
from kolla.images.failure import known
from kolla.images.options import Options
from kolla.images.packages import PackageLock
from kolla.images.pieces import Pieces
from kolla.images.workplace import alone
from kolla.places import ORIGIN, Places, write_private
from kolla.settings.globals import Globals

OURS = "kolla"
INDEX = f"{OURS}/bundle.json"
PIECE = 1 << 20
"""Bytes read at a time."""


class Index(BaseModel):
    """What a bundle holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    release: str
    base: str
    install_type: InstallType
    members: dict[str, str]
    """Name in the archive -> SHA-256, or what a link points to; all but the index itself."""


def write(
    settings: Globals,
    report: BuildReport,
    names: Iterable[str],
    state_directory: Path,
    path: Path,
    *,
    signed: bool = False,
    on_event: Listener = ignore,
) -> None:
    """Write the images `names`, those they are built from included, and what is known of them to `path`.

    `signed` says that the report in the state directory is: it goes along as it is, with its signature.
    InputError when one of them was not built, or as another install type; KollaError when the engine does
    not hand them out. Then there is no file, or the one that was there before.
    """
    options = Options.of(settings)
    images = {name: _of_type(options.install_type, report.image(name)) for name in names}
    published = [image for image in images.values() if image.published]
    engine = connect(options.engine)
    on_event(Event("bundle", "started"))
    with _replaced(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as bundle:
        digests = _copy(engine.save([i.reference for i in published if i.reference]), bundle)
        kept = report.model_copy(update={"images": images})
        for name, content in _records(options, kept, state_directory, signed=signed):
            digests[f"{OURS}/{name}"] = hashlib.sha256(content).hexdigest()
            _add(bundle, f"{OURS}/{name}", content)
        index = Index(
            release=report.release, base=report.base, install_type=options.install_type, members=digests
        )
        _add(bundle, INDEX, index.model_dump_json(indent=1).encode())
    on_event(Event("bundle", "done"))


def load(settings: Globals, path: Path, state_directory: Path, *, on_event: Listener = ignore) -> BuildReport:
    """Have the images of a bundle in the engine, and the build report in the state directory.

    Every digest is compared before anything is loaded. The images get the names that the settings here
    give them. InputError for what is no bundle, is damaged, or is for another release, base or install type;
    KollaError when the engine does not take the images.
    """
    options = Options.of(settings)
    on_event(Event("load", "started"))
    try:
        with tarfile.open(path) as bundle:
            index = _index(bundle, path)
            _check_edition(index, options, path)
            _check_members(bundle, index.members, path)
            records = _own_files(bundle, index.members)
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(path, str(error)) from None
    report = BuildReport.model_validate_json(records["build.json"])
    _check_images(report, index.members, path)
    _check_origin(report, records, path)
    with alone(state_directory):
        engine = connect(options.engine)
        engine.require_space(state_directory)
        with path.open("rb") as archive:
            engine.load(archive)
        report = _named(report, options, engine, path)
        _keep(records, options, report, state_directory)
    on_event(Event("load", "done"))
    return report


def _of_type(install_type: InstallType, image: BuiltImage) -> BuiltImage:
    if image.install_type != install_type:
        raise InputError(
            f"image '{image.name}' is of install type {image.install_type}",
            expected=f"{install_type}, as kolla_install_type says",
            hint=f"run: kolla build '^{image.name}$'",
        )
    return image


def _records(
    options: Options, report: BuildReport, state_directory: Path, *, signed: bool
) -> Iterator[tuple[str, bytes]]:
    """Our own files, named by where they belong in a state directory."""
    yield "build.json", report.model_dump_json(indent=1).encode()
    places = Places(state_directory)
    for path in (places.build_report, places.build_signature) if signed else ():
        yield f"{ORIGIN}/{path.name}", path.read_bytes()
    paths = [
        PackageLock.of(state_directory, options.distribution.name).path,
        base.record_path(options, state_directory),
        state_directory / "sources.json",
        *(state_directory / image.sbom for image in report.images.values() if image.sbom),
        *(state_directory / image.options for image in report.images.values() if image.options),
    ]
    for path in paths:
        if path.exists():
            yield str(path.relative_to(state_directory)), path.read_bytes()


def _copy(archive: Iterator[bytes], bundle: tarfile.TarFile) -> dict[str, str]:
    """Put the members of an archive into the bundle; their digests."""
    digests = {}
    with tarfile.open(fileobj=io.BufferedReader(Pieces(archive), PIECE), mode="r|") as members:
        for member in members:
            content = members.extractfile(member) if member.isfile() else None
            reader = _Hashing(content) if content else None
            bundle.addfile(member, reader)
            digests[member.name] = reader.sha256.hexdigest() if reader else member.linkname
    return digests


def _add(bundle: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    bundle.addfile(member, io.BytesIO(content))


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `path` when all went well, and else is gone; KollaError when the disk is full."""
    unfinished = path.with_name(f".{path.name}.new")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise known(error, path.parent) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _index(bundle: tarfile.TarFile, path: Path) -> Index:
    try:
        file = bundle.extractfile(INDEX)
    except KeyError:
        raise InputError(
            "this is no bundle, or only the beginning of one",
            where=Location(path),
            expected="what kolla build --bundle wrote",
        ) from None
    try:
        return Index.model_validate_json(file.read() if file else b"")
    except ValueError:
        raise _damaged(path, f"{INDEX} cannot be read") from None


def _check_edition(index: Index, options: Options, path: Path) -> None:
    found = f"OpenStack {index.release} on {index.base} ({index.install_type})"
    wanted = f"OpenStack {options.release} on {options.distribution.name} ({options.install_type})"
    if found != wanted:
        raise InputError(
            f"this bundle is for {found}",
            where=Location(path),
            expected=f"{wanted}, as globals.yml says (openstack_release, kolla_base_distro_version, "
            "kolla_install_type)",
        )


def _check_members(bundle: tarfile.TarFile, digests: Mapping[str, str], path: Path) -> None:
    """InputError unless the bundle has exactly these members."""
    found = {}
    for member in bundle:
        content = bundle.extractfile(member) if member.isfile() else None
        found[member.name] = _digest(content) if content else member.linkname
    found.pop(INDEX)
    wrong = sorted(name for name in found.keys() | digests.keys() if found.get(name) != digests.get(name))
    if wrong:
        raise _damaged(path, f"{wrong[0]} is not what was written")


def _check_images(report: BuildReport, digests: Mapping[str, str], path: Path) -> None:
    """InputError unless the bundle holds the very images its report speaks of: an image's ID is the digest
    of its configuration (of its manifest, in containerd's image store)."""
    held = set(digests.values())
    for image in _published(report):
        if str(image.id).removeprefix("sha256:") not in held:
            raise _damaged(path, f"image '{image.name}' ({image.id}) is not in it")


def _check_origin(report: BuildReport, records: Mapping[str, bytes], path: Path) -> None:
    """InputError unless the signed report, if there is one, says the same of every image."""
    signed = records.get(f"{ORIGIN}/build.json")
    others = unlike(report, BuildReport.model_validate_json(signed)) if signed else []
    if others:
        raise _damaged(path, f"image '{others[0]}' is not as the signed report says")


def _own_files(bundle: tarfile.TarFile, digests: Mapping[str, str]) -> dict[str, bytes]:
    """Our own files, by where they belong in the state directory."""
    records = {}
    for name in digests:
        relative = PurePosixPath(name)
        if relative.parts[0] == OURS and ".." not in relative.parts:
            file = bundle.extractfile(name)
            records[str(PurePosixPath(*relative.parts[1:]))] = file.read() if file else b""
    return records


def _named(report: BuildReport, options: Options, engine: Engine, path: Path) -> BuildReport:
    """The report as it is here, once the engine has every image of it under the names it has here."""
    present = engine.images()
    images = {}
    for image in report.images.values():
        reference = options.reference(image.name, image.identity)
        if image.published:
            if image.id not in present:
                raise KollaError(
                    f"the engine calls image '{image.name}' something else than {image.id}",
                    hint="it keeps images in another store than the engine that built them; "
                    'with "features": {"containerd-snapshotter": false} in /etc/docker/daemon.json on both '
                    "sides they are the same",
                )
            for tag in (reference, options.reference(image.name)):
                engine.tag(str(image.id), tag)
        here = {"reference": reference, "status": "unchanged", "why": f"loaded from {path.name}"}
        elsewhere = {"digest": None, "promoted": None, "log": None, "error": "", "seconds": 0.0}
        images[image.name] = image.model_copy(update={**here, **elsewhere})
    return report.model_copy(update={"images": images})


def _keep(records: Mapping[str, bytes], options: Options, report: BuildReport, state_directory: Path) -> None:
    """Put into the state directory what a build here would have left there, and what was signed elsewhere.

    The report here is not what a signature was over any more.
    """
    places = Places(state_directory)
    places.build_signature.unlink(missing_ok=True)
    shutil.rmtree(places.origin, ignore_errors=True)
    lock = PackageLock.of(state_directory, options.distribution.name)
    for name, content in records.items():
        target = state_directory / name
        if target == lock.path:
            for image, packages in json.loads(content)["images"].items():
                lock.record(image, packages)
        elif name != "build.json":
            target.parent.mkdir(parents=True, exist_ok=True)
            write_private(target, content.decode())
    place = places.build_report
    earlier = BuildReport.load(place) if place.exists() else report
    same = (earlier.release, earlier.base) == (report.release, report.base)
    others = earlier.images if same else {}
    report.model_copy(update={"images": {**others, **report.images}}).save(place)


def _published(report: BuildReport) -> Sequence[BuiltImage]:
    return [image for image in report.images.values() if image.published]


def _damaged(path: Path, what: str) -> InputError:
    return InputError(
        f"the bundle is damaged: {what}; nothing was loaded",
        where=Location(path),
        hint="copy it again, or write it again with: kolla build --bundle FILE",
    )


def _digest(file: IO[bytes]) -> str:
    reader = _Hashing(file)
    while reader.read(PIECE):
        pass
    return reader.sha256.hexdigest()


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self.sha256.update(data)
        return data
