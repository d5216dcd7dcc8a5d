"""Reading YAML so that every later message can name the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from kolla.errors import InputError, Location

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

YamlPath = Sequence[str | int]
"""Keys and list indexes leading from the top of a document to a place in it."""


@dataclass(frozen=True)
class Document:
    """A parsed file: its data, and where in the file each part of it stands."""

    path: Path
    data: Any
    _node: yaml.Node | None = field(default=None, repr=False, compare=False)

    def line(self, path: YamlPath = ()) -> int | None:
        """Line (from 1) of what `path` leads to, or of the deepest part of `path` there is.

        None when the document is empty.
        """
        if self._node is None:
            return None
        line, node = self._node.start_mark.line, self._node
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line + 1

    def where(self, path: YamlPath = ()) -> Location:
        """Location of what `path` leads to."""
        return Location(self.path, self.line(path))

    def find(self, text: str) -> Location:
        """Location of the first scalar that is `text`; without a line when there is none."""
        return Location(self.path, self._scalars.get(text))

    @cached_property
    def _scalars(self) -> dict[str, int]:
        """Every scalar -> the line it first stands in."""
        nodes = _scalars(self._node) if self._node is not None else ()
        return {node.value: node.start_mark.line + 1 for node in reversed(list(nodes))}

    def text(self, path: YamlPath) -> str | None:
        """The scalar at `path` as it is written (without quotes), or None if there is none.

        `2026.10` and `0123` are numbers to YAML; where a string is wanted, this is what was meant.
        """
        node = self._node
        for step in path:
            found = _child(node, step) if node is not None else None
            if found is None:
                return None
            node = found[1]
        return node.value if isinstance(node, yaml.ScalarNode) else None


class _Loader(_SafeLoader):
    """A loader that also says where a value is that looks like a date or a number and is none."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError):
            # The value itself stays out of the message: it may be a password.
            kind = node.tag.rpartition(":")[2]
            raise ConstructorError(None, None, f"this is no valid {kind}", node.start_mark) from None


def load(path: Path) -> Document:
    """Read a YAML file; InputError when it is missing, not text, not YAML, or has a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("there is no such file", where=Location(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=Location(path)) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Document:
    """Parse YAML text that came from `path`; InputError names line and column."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(path, None)
        for first, again in _duplicates(node):
            raise InputError(
                f"the key '{again.value}' is given twice",
                where=Location(path, again.start_mark.line + 1, again.start_mark.column + 1),
                hint=f"it was first given in line {first.start_mark.line + 1}",
            )
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, path) from None
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {error}", where=Location(path)) from None
    finally:
        loader.dispose()
    return Document(path, data, node)


def with_values(text: str, path: Path, values: Mapping[str, Any]) -> str:
    """A YAML mapping in which some keys have other values; comments and order stay as they are written, and
    keys it does not have come last.

    What cannot be changed in its place (an anchor that others refer to, a mapping in one line) makes a text
    that is written anew. InputError when `text`, which came from `path`, is no mapping.
    """
    document = parse(text, path)
    present = {} if document.data is None else document.data
    if not isinstance(present, dict):
        raise InputError("this is not a mapping", where=document.where(), expected="key: value")
    wanted = {**present, **values}
    edited = _edited(text, document._node, {key: values[key] for key in changed_keys(present, values)})
    try:
        if dump(parse(edited, path).data) == dump(wanted):
            return edited
    except InputError:
        pass  # what was changed had something to do with the rest
    return dump(wanted)


def changed_keys(present: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """The keys of `values` that are not in `present`, or have another value or type there."""
    return [key for key, value in values.items() if key not in present or dump(present[key]) != dump(value)]


_BREAKS = "\x85\u2028\u2029"
"""Line breaks of YAML that are none of other formats: read back as they were only if they are escaped."""


class _Dumper(yaml.SafeDumper):
    """Writes strings so that they are read back as they were, whatever characters they hold."""


def _written(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if any(each in text for each in _BREAKS) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _written)


def dump(data: Any, *, width: int = 80) -> str:
    """Data as YAML in blocks, in its own order, in lines of about `width` characters."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=width
    )
    return text


def _edited(text: str, top: yaml.Node | None, values: Mapping[str, Any]) -> str:
    """The text with the values of keys replaced from its end to its beginning, and new keys after it."""
    lines = text.splitlines(keepends=True)
    rest = dict(values)
    for key, value in reversed(top.value if isinstance(top, yaml.MappingNode) else ()):
        if isinstance(key, yaml.ScalarNode) and key.value in rest:
            (first, begin), (last, end) = _extent(lines, key, value)
            new = dump({key.value: rest.pop(key.value)}).rstrip("\n")
            lines[first : last + 1] = [lines[first][:begin] + new + lines[last][end:]]
    written = "".join(lines)
    separator = "" if not written or written.endswith("\n") else "\n"
    return written + separator + (dump(rest) if rest else "")


def _extent(
    lines: Sequence[str], key: yaml.Node, value: yaml.Node
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Line and column where a key begins, and where its value ends: a block's end is told as where the next
    thing begins, and the comments between the two belong to that."""
    first, (last, end) = key.start_mark, (value.end_mark.line, value.end_mark.column)
    if end == 0 and last > first.line:
        last -= 1
        while last > first.line and (not lines[last].strip() or lines[last].startswith("#")):
            last -= 1
        end = len(lines[last].rstrip())
    return (first.line, first.column), (last, end)


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    """Line (from 0) and node of a mapping's key or a list's index."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key.start_mark.line, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line, item
    return None


def _scalars(node: yaml.Node, visited: set[yaml.Node] | None = None) -> Iterator[yaml.ScalarNode]:
    """Every key and value below `node`, in the order of the file."""
    visited = set() if visited is None else visited
    if node in visited:
        return
    visited.add(node)
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            for part in pair:
                yield from _scalars(part, visited)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, visited)


def _duplicates(
    node: yaml.Node, visited: set[yaml.Node] | None = None
) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Pairs of equal keys of one mapping, anywhere below `node`."""
    visited = set() if visited is None else visited
    if node in visited:  # an alias; it may even be inside what it stands for
        return
    visited.add(node)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    yield seen[key.value], key
                seen[key.value] = key
            yield from _duplicates(value, visited)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item, visited)


def _syntax_error(error: yaml.MarkedYAMLError, path: Path) -> InputError:
    """The parser's complaint in plain words."""
    mark = error.problem_mark or error.context_mark
    where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
    problem = error.problem or "cannot be parsed"
    hint = next((hint for words, hint in _HINTS if words in problem), None)
    return InputError(f"not YAML: {problem}", where=where, hint=hint)


_HINTS = (
    (
        "mapping values are not allowed",
        "quote values that hold ': ', and check this line's indentation",
    ),
    ("found character '\\t'", "indent with spaces, not with tabs"),
    ("found a tab character", "indent with spaces, not with tabs"),
    ("cannot start any token", "indent with spaces; values starting with @, `, % or { must be in quotes"),
    ("could not find expected ':'", "this line, or the one before it, needs 'key: value'"),
    ("did not find expected key", "check quotes and the indentation of this line and the one before it"),
    ("did not find expected", "check quotes, brackets and indentation above this line"),
    ("this is no valid", "put it in quotes if it is text"),
    ("could not determine a constructor", "tags (words starting with '!') are not understood here"),
    ("found unhashable key", "a value starting with '{{' must be in quotes"),
)
