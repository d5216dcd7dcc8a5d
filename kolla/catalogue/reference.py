"""Every word of a `service.yml`, written as a page from the model itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from kolla.catalogue import model
from kolla.catalogue.model import Service

_INTRODUCTION = """\
# service.yml

<!-- Made by `make reference` from kolla/catalogue/model/; do not edit. -->

Every word there is. [Adding a service](../adding-a-service.md) explains them by example.

An *expression* is text that may hold Jinja (`{{ keystone_port }}`); it is evaluated on each host, when the
desired state is made. Everything else is taken as it stands.
"""

_PLAIN = {
    "str": "text",
    "int": "whole number",
    "bool": "true or false",
    "Any": "anything",
    "Expression": "*expression*",
    "Amount": "whole number, or *expression*",
    "Packages": "list of package",
    "Parents": "name, or list of name",
}


def text() -> str:
    """The page, in Markdown: one section for each part of a service, the service first."""
    classes = {node.name: node for node in _statements() if isinstance(node, ast.ClassDef)}
    sections = [_section(classes[name], set(classes)) for name in _reachable(classes)]
    return "\n".join([_INTRODUCTION, _names(), *sections])


def _statements() -> list[ast.stmt]:
    """What the model's files say, one after the other."""
    files = sorted(Path(model.__file__).parent.glob("*.py"))
    return [statement for file in files for statement in ast.parse(file.read_text()).body]


def _reachable(classes: dict[str, ast.ClassDef]) -> list[str]:
    """Classes a service is made of, in the order they are met."""
    found = [Service.__name__]
    for name in found:
        for statement in classes[name].body:
            if isinstance(statement, ast.AnnAssign):
                inside = [node.id for node in ast.walk(statement.annotation) if isinstance(node, ast.Name)]
                found += [other for other in inside if other in classes and other not in found]
    return found


def _names() -> str:
    """The kinds of names, and what they allow."""
    lines = ["| kind | allowed |", "|---|---|"]
    for statement in _statements():
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            calls = [node for node in ast.walk(statement.value) if isinstance(node, ast.Call)]
            patterns = [keyword.value for c in calls for keyword in c.keywords if keyword.arg == "pattern"]
            lines += [f"| {statement.targets[0].id.lower()} | `{_constant(p)}` |" for p in patterns]
    return "\n".join(lines) + "\n"


def _section(node: ast.ClassDef, classes: set[str]) -> str:
    """One part: what it is, and a table of its words."""
    heading = f"## {node.name}\n\n{_joined(ast.get_docstring(node) or '')}\n"
    rows = list(_rows(node, classes))
    if not rows:
        values = [_constant(statement.value) for statement in node.body if isinstance(statement, ast.Assign)]
        return heading + "\nOne of " + ", ".join(f"`{value}`" for value in values) + ".\n"
    table = ["| word | type | default | |", "|---|---|---|---|", *rows]
    return heading + "\n" + "\n".join(table) + "\n"


def _rows(node: ast.ClassDef, classes: set[str]) -> Iterator[str]:
    for position, statement in enumerate(node.body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        after = node.body[position + 1] if position + 1 < len(node.body) else None
        description = _constant(after.value) if isinstance(after, ast.Expr) else ""
        word, default = statement.target.id, statement.value
        if isinstance(default, ast.Call):
            given = {keyword.arg: keyword.value for keyword in default.keywords}
            word, default = _constant(given.get("alias")) or word, given.get("default", default)
        kind = _type(statement.annotation, classes)
        yield f"| `{word}` | {kind} | {_default(default)} | {_joined(description)} |"


def _constant(node: ast.expr | None) -> str:
    """A literal as text; nothing for anything else."""
    if not isinstance(node, ast.Constant) or node.value is None:
        return ""
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def _joined(description: str) -> str:
    """A docstring as one line of a table."""
    return " ".join(description.split()).replace("|", "\\|")


def _type(node: ast.expr, classes: set[str]) -> str:
    """A type in words."""
    match node:
        case ast.BinOp(left=left):  # X | None: the default says what its absence means
            return _type(left, classes)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[item, *_])):
            return f"list of {_type(item, classes)}"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, value])):
            return f"{_type(key, classes)}: {_type(value, classes)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=values)):
            return ", ".join(f"`{_constant(value)}`" for value in values)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=value):
            return f"`{_constant(value)}`"
        case ast.Name(id=name) if name in classes:
            return f"[{name}](#{name.lower()})"
        case ast.Name(id=name):
            return _PLAIN.get(name, name.lower())
        case _:
            return ast.unparse(node)


def _default(node: ast.expr | None) -> str:
    """A default in words: "required" without one, nothing for an empty one."""
    if node is None:
        return "required"
    if isinstance(node, ast.Tuple):
        return ", ".join(f"`{_constant(value)}`" for value in node.elts)
    value = _constant(node)
    return f"`{value}`" if value else ""
