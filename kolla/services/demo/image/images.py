"""The image: where it comes from, whether it is one, and how it gets into the cloud."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import download
import room
import rules
from oslo_utils.imageutils import format_inspector
from work import Refused, Work

GUEST = Path("/usr/share/kolla/guest.qcow2")
FILE = Path("/mnt/image")
"""Where the job sees the file of the user's choice."""
SOURCE = "kolla_source"
"""The property that says where an image came from."""


def ensure(work: Work) -> Any:
    """The image of the name, from where the settings say.

    An image's data cannot be changed: one that came from elsewhere is hidden, and stays for its servers.
    """
    name, url = work.settings["image"]["name"], work.settings["image"]["url"]
    file = FILE if work.settings["image"]["file"] else GUEST
    source = url or digest(file)
    found = [each for each in work.cloud.image.images(name=name) if each.owner == work.project]
    usable = [each for each in found if rules.usable(each.status, each.properties.get(SOURCE), source)]
    for image in found:
        if rules.unfinished(image.status):
            work.cloud.image.delete_image(image)
    if usable:
        refuse_without_room(work, usable[0].min_disk)
        return usable[0]
    if not url and file.stat().st_size == 0:
        raise Refused("there is no guest for this processor: set demo_image_url or demo_image_file")
    with downloaded(url) if url else nullcontext(file) as path:
        disk_format, gibibytes = inspect(path)
        refuse_without_room(work, gibibytes)
        image = work.cloud.image.create_image(
            name,
            filename=str(path),
            disk_format=disk_format,
            container_format="bare",
            visibility="public",
            min_disk=gibibytes,
            allow_duplicates=True,
            wait=True,
            meta={SOURCE: source},
        )
    work.changed(f"image {name} made from {url or work.settings['image']['file'] or 'the guest made here'}")
    for each in found:
        if each.status == "active":
            work.cloud.image.update_image(each, is_hidden=True)
            work.changed(f"image {name} ({each.id}) of before hidden")
    return image


def refuse_without_room(work: Work, gibibytes: int) -> None:
    """Nova would refuse the server as well, when all else has been made."""
    if refusal := room.lack(work.settings, gibibytes):
        raise Refused(refusal)


def digest(file: Path) -> str:
    """What tells a file from another one of the same name. Refused when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
    except OSError as error:
        raise Refused(
            f"demo_image_file cannot be read: {error.strerror}; expected: a file that everyone may read"
        ) from None


@contextmanager
def downloaded(url: str) -> Iterator[Path]:
    """The file of an image, as long as it is needed."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "image"
        try:
            download.fetch(url, path)
        except download.Failed as failure:
            raise Refused(f"demo_image_url: {url} cannot be downloaded: {failure}") from None
        yield path


def inspect(path: Path) -> tuple[str, int]:
    """The disk format of a file and the GiB its disk needs. Refused when it is no disk image."""
    try:
        found = format_inspector.detect_file_format(str(path))
    except format_inspector.ImageFormatError:
        found = None
    kind = rules.IMAGE_FORMATS.get(str(found))
    if found is None or kind is None:
        with path.open("rb") as file:
            begin = file.read(16)
        raise Refused(
            f"the image is no disk image, but {path.stat().st_size} bytes that begin with {begin!r}; "
            f"expected: one of {', '.join(sorted(set(rules.IMAGE_FORMATS.values())))}"
        )
    size = path.stat().st_size if kind in ("raw", "iso") else found.virtual_size
    return kind, rules.gibibytes(size)
