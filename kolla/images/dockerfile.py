"""Rendering the Dockerfile of one image from its data.

One template serves every simple image; a service may bring its own, which may extend it with
`{% extends "image.Dockerfile.j2" %}` and fill the named blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from kolla.catalogue.model import User
from kolla.errors import InputError, Location, did_you_mean
from kolla.images.base import Base
from kolla.images.context import Context
from kolla.images.graph import WHEELHOUSE, Graph, Node
from kolla.images.labels import labels
from kolla.images.options import Options

GENERIC = "image.Dockerfile.j2"


def render(
    graph: Graph,
    name: str,
    context: Context,
    options: Options,
    built: Mapping[str, str],
    base: Base | None = None,
) -> str:
    """The Dockerfile of image `name`.

    `built` says what stands for each image it is built from: references to build it, identities to
    compute its own; `base` is what the image without a parent is built from. InputError names file and
    line of a faulty template.
    """
    node = graph.nodes[name]
    template = node.folder.path / "image" / node.image.dockerfile if node.image.dockerfile else Path(GENERIC)
    values = _values(graph, node, context, options, built, base)
    try:
        text: str = _environment().get_template(str(template)).render(values)
    except TemplateSyntaxError as error:
        where = Location(Path(error.filename or error.name or template), error.lineno)
        raise InputError(error.message or "not a template", where=where) from None
    except UndefinedError as error:
        unknown = str(error.message).split("'")[1] if "'" in str(error.message) else ""
        raise InputError(
            str(error.message), where=_line(error, template), hint=did_you_mean(unknown, values)
        ) from None
    except TemplateError as error:
        raise InputError(f"image '{name}': no template {error.message}", where=node.where) from None
    return text


def render_lock(options: Options, builder: str, uv: str) -> str:
    """The Dockerfile that resolves a release's lock in the builder image, with `uv` as the resolver."""
    template = _environment().get_template("lock.Dockerfile.j2")
    text: str = template.render(distribution=options.distribution, builder=builder, uv=uv)
    return text


def _values(
    graph: Graph, node: Node, context: Context, options: Options, built: Mapping[str, str], base: Base | None
) -> dict[str, object]:
    image, service = node.image, node.folder.service
    users = {name: _numbered(user) for name, user in service.users.items()}
    return {
        "name": node.name,
        "title": service.title,
        "service": service.name,
        "release": options.release,
        "distribution": options.distribution,
        "architecture": options.architecture,
        "base_image": base.image if base else "",
        "parent": built[image.parent] if image.parent else None,
        "wheelhouse": built.get(WHEELHOUSE),
        "python": graph.python(node.name),
        "packages": image.packages.on(options.distribution.family, options.distribution.name),
        "unpacked": image.unpacked.on(options.distribution.family, options.distribution.name),
        "users": users,
        "user": image.user,
        "directories": image.directories,
        "links": image.links,
        "copies": {path: built[other] for path, other in image.copies.items()},
        "files": [file.path.removeprefix("root") for file in context if file.path.startswith("root/")],
        "labels": labels(node, options, base),
    }


def _numbered(user: User) -> User:
    return user if user.gid is not None else user.model_copy(update={"gid": user.uid})


def _line(error: UndefinedError, template: Path) -> Location:
    trace, line = error.__traceback__, None
    path = template
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename.endswith(".j2"):
            path, line = Path(filename), trace.tb_lineno
        trace = trace.tb_next
    return Location(path, line)


@cache
def _environment() -> SandboxedEnvironment:
    own = Path(str(resources.files(__package__))) / "templates"

    def source(name: str) -> tuple[str, str, None] | None:
        path = own / name
        return (path.read_text(), str(path), None) if path.is_file() else None

    return SandboxedEnvironment(
        loader=FunctionLoader(source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
