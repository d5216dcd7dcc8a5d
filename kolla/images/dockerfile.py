"""Rendering the Dockerfile of one image from its data.

One template serves every simple image; a service may bring its own, which may extend it with
`{% extends "image.Dockerfile.j2" %}` and fill the named blocks. The operator's directories come first;
`kolla/NAME` is always the file that comes with the package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.sandbox import SandboxedEnvironment

from kolla.catalogue.distribution import Distribution
from kolla.catalogue.loader import SERVICES
from kolla.catalogue.model import Binary, User
from kolla.errors import InputError, Location, did_you_mean
from kolla.images.base import Base
from kolla.images.context import Context
from kolla.images.graph import WHEELHOUSE, Graph, Node
from kolla.images.labels import labels
from kolla.images.options import Options
from kolla.images.overrides import Block
from kolla.images.repositories import mark, of_image

GENERIC = "image.Dockerfile.j2"

SOURCES = "build/sources/"
"""Where in a context the sources of distributions are, each in a folder of its name."""

SHIPPED = "kolla/"
"""Before a template's name: the one that comes with the package, `kolla/image.Dockerfile.j2` or
`kolla/SERVICE/image/NAME`, whatever the operator laid over it."""


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
    template = node.folder.image_file(node.image.dockerfile) if node.image.dockerfile else Path(GENERIC)
    environment = _environment(options.templates)
    blocks = options.blocks.get(name, {})
    values = _values(graph, node, context, options, built, base)
    try:
        _check_blocks(environment, str(template), blocks)
        # A template got by its name is compiled once, however many images are made of it.
        named = environment.get_template(str(template))
        own = environment.from_string(_extending(blocks)) if blocks else named
        text: str = own.render(values, template=named, blocks=blocks)
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


def render_lock(options: Options, builder: str, until: str = "") -> str:
    """The Dockerfile that resolves a release's lock in the builder image.

    `until`, if given, is the moment (RFC 3339) after which uploads to the index do not count.
    """
    template = _environment(()).get_template("lock.Dockerfile.j2")
    text: str = template.render(distribution=options.distribution, builder=builder, until=until)
    return text


def _values(
    graph: Graph, node: Node, context: Context, options: Options, built: Mapping[str, str], base: Base | None
) -> dict[str, object]:
    image, service = node.image, node.folder.service
    binary = (image.binary if node.binary else None) or Binary()
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
        "packages": _listed(options.distribution, image.packages, binary.packages),
        "unpacked": _listed(options.distribution, image.unpacked, binary.unpacked),
        # Distribution packages see them as they are.
        "system_modules": [] if node.binary else _listed(options.distribution, image.system_modules),
        "users": users,
        "user": image.user,
        "directories": image.directories,
        "links": {**image.links, **binary.links},
        "copies": {path: built[other] for path, other in image.copies.items()},
        "repositories": mark(of_image(options.repositories, graph, node.name)),
        "sources": sorted({file.path.split("/")[2] for file in context if file.path.startswith(SOURCES)}),
        "files": [file.path.removeprefix("root") for file in context if file.path.startswith("root/")],
        "labels": labels(node, options, base),
    }


def _listed(distribution: Distribution, *lists: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({name for each in lists for name in distribution.packages(each)})


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


def known_blocks(template: str) -> set[str]:
    """The names of the blocks of one of the package's templates, and of those it extends."""
    return _blocks_of(_environment(()), template)


def _extending(blocks: Mapping[str, Block]) -> str:
    """A template that adds the texts of the settings to the ends of blocks of another one."""
    parts = (f"{{% block {b} %}}{{{{ super() }}}}{{{{ blocks.{b}.text }}}}{{% endblock %}}" for b in blocks)
    return "".join(("{% extends template %}", *parts))


def _check_blocks(environment: SandboxedEnvironment, template: str, blocks: Mapping[str, Block]) -> None:
    """InputError for a block that the template and those it extends do not have."""
    if not blocks:
        return
    known = _blocks_of(environment, template)
    for name, block in blocks.items():
        if name not in known:
            near = did_you_mean(name, known)
            expected = f"one of {', '.join(sorted(known))}"
            raise InputError(f"there is no block '{name}'", where=block.where, expected=expected, hint=near)


def _blocks_of(environment: SandboxedEnvironment, template: str) -> set[str]:
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, template)
    tree = environment.parse(source, template)
    known = {block.name for block in tree.find_all(nodes.Block)}
    for extends in tree.find_all(nodes.Extends):
        known |= _blocks_of(environment, extends.template.as_const())
    return known


@cache
def _environment(directories: tuple[Path, ...]) -> SandboxedEnvironment:
    own = Path(str(resources.files(__package__))) / "templates"

    def source(name: str) -> tuple[str, str, None] | None:
        shipped = name.removeprefix(SHIPPED)
        places = (own, SERVICES) if name.startswith(SHIPPED) else (*reversed(directories), own)
        found = (place / shipped for place in places if (place / shipped).is_file())
        path = next(found, None)
        return (path.read_text(), str(path), None) if path else None

    return SandboxedEnvironment(
        loader=FunctionLoader(source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
