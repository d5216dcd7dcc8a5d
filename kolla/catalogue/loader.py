"""Reading service folders: every mistake is named with file, line, and what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from kolla import yamlfile
from kolla.catalogue import checks
from kolla.catalogue.catalogue import Catalogue
from kolla.catalogue.mistakes import translate
from kolla.catalogue.model import Service, ServiceFolder
from kolla.errors import InputError, InputErrors, Location, raise_all
from kolla.yamlfile import Document

SERVICES = Path(__file__).resolve().parent.parent / "services"
"""The services that come with the package."""

DEFINITION = "service.yml"


def load(service_paths: Sequence[Path] = ()) -> Catalogue:
    """Read the package's services and those below `service_paths`.

    Each path holds service folders, or is one. InputErrors names every mistake found.
    """
    folders: dict[str, ServiceFolder] = {}
    documents: dict[str, Document] = {}
    errors: list[InputError] = []
    for path in _service_folders(service_paths):
        try:
            document, service = _own(path) if path.parent == SERVICES else _read(path)
        except InputErrors as several:
            errors += [error for error in several.errors if isinstance(error, InputError)]
        except InputError as error:
            errors.append(error)
        else:
            if service.name in folders:
                errors.append(
                    InputError(
                        f"there are two services called '{service.name}'",
                        where=document.where(["name"]),
                        hint=f"the other one is {documents[service.name].path}",
                    )
                )
                continue
            folders[service.name] = ServiceFolder(service=service, path=path)
            documents[service.name] = document
    catalogue = Catalogue(dict(sorted(folders.items())), documents)
    if not errors:
        errors = list(checks.check(catalogue))
    raise_all(errors)
    return catalogue


def _service_folders(service_paths: Sequence[Path]) -> Iterator[Path]:
    """Folders that hold a definition, the package's own first."""
    for path in (SERVICES, *service_paths):
        if (path / DEFINITION).is_file():
            yield path
            continue
        for misnamed in sorted(path.glob("*/service.yaml")):
            raise InputError(
                "nothing reads this file", where=Location(misnamed), hint=f"call it {DEFINITION}"
            )
        found = sorted(folder.parent for folder in path.glob(f"*/{DEFINITION}"))
        if not found:
            raise InputError(
                "no service found here",
                where=Location(path),
                expected=f"a folder with a {DEFINITION}, or a folder of such folders",
            )
        yield from found


def _read(path: Path) -> tuple[Document, Service]:
    document = yamlfile.load(path / DEFINITION)
    return document, _service(document)


_own = cache(_read)
"""The same of the package's own services, which do not change while we run."""


def _service(document: Document) -> Service:
    """The service a document describes; InputErrors with a line for each mistake."""
    data = document.data if document.data is not None else {}
    try:
        service = Service.model_validate(data)
    except ValidationError as error:
        raise InputErrors(translate(error, Service, document.where, document.text)) from None
    if service.name != document.path.parent.name:
        raise InputError(
            f"the service '{service.name}' is in a folder called '{document.path.parent.name}'",
            where=document.where(["name"]),
            expected="a folder with the service's name",
        )
    return service
