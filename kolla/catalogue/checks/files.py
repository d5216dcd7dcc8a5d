"""Files that a service names."""

from __future__ import annotations

from collections.abc import Iterator

from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.checks.parts import Place, mounting
from kolla.catalogue.model import Service, ServiceFolder
from kolla.errors import InputError, did_you_mean


def missing(catalogue: Catalogue, folder: ServiceFolder) -> Iterator[InputError]:
    """Files of `image/` and templates of `config/` that are named and not there."""
    for path, subfolder, name in _files(folder.service):
        where = catalogue.where(folder.name, *path)
        try:
            own = subfolder == "image"
            file = folder.image_file(name) if own else catalogue.template(folder, name)
        except InputError as error:
            error.where = where
            yield error
            continue
        if not file.is_file():
            present = [other.name for other in file.parent.glob("*")]
            yield InputError(
                f"there is no file '{subfolder}/{file.name}'",
                where=where,
                expected=f"a file of {file.parent}",
                hint=did_you_mean(file.name, present),
            )


def _files(service: Service) -> Iterator[tuple[Place, str, str]]:
    """Where a file is named, the subfolder it must be in, and its name."""
    for name, image in service.images.items():
        for file in image.files:
            yield ("images", name, "files", file), "image", file
        for file in image.patches:
            yield ("images", name, "patches", file), "image", file
        if image.dockerfile is not None:
            yield ("images", name, "dockerfile"), "image", image.dockerfile
    for path, part in mounting(service):
        for file, config in part.config.items():
            if not config.optional:
                yield (*path, "config", file), "config", config.template or f"{file}.j2"
    for file, template in service.client_files.items():
        yield ("client_files", file), "config", template
