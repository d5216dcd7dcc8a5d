"""Templates and expressions: sandboxed, lazy, and strict about names that do not exist."""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache, partial
from typing import Any, NoReturn, TypeVar, cast

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from kolla.errors import InputError, KollaError, Location, did_you_mean
from kolla.secret import Secret, revealing
from kolla.settings.addresses import address_numbers, overlaps, url_host, within
from kolla.settings.values import boolean
from kolla.yamlfile import dump

T = TypeVar("T")

FILTERS = (
    *("abs", "batch", "capitalize", "count", "default", "dictsort", "first", "float", "format", "groupby"),
    *("indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject"),
    *("rejectattr", "replace", "reverse", "round", "select", "selectattr", "sort", "string", "sum", "title"),
    *("trim", "truncate", "unique", "upper", "urlencode"),
)
"""Jinja's own filters that templates may use; ours are `address_numbers`, `bool`, `overlaps`, `to_json`,
`to_yaml`, `url_host`, `within`."""


class UndefinedVariable(InputError):
    """An expression names something that does not exist, or has no value."""

    name: str | None = None
    """The variable that is not defined at all."""


def is_expression(text: str) -> bool:
    """Whether `text` holds Jinja at all."""
    return "{{" in text or "{%" in text or "{#" in text


def render(text: str, scope: Mapping[str, Any], where: Location) -> str:
    """The text a template gives in `scope`, of which only the names it uses are looked up.

    `where` is where the text's first line stands. Run it inside `kolla.secret.revealing()` if secrets
    are to show. InputError names file, line and the nearest variable.
    """
    template = _compile(_template, text, where)
    context = _context(template, scope)
    return _run(template, scope, where, lambda: "".join(template.root_render_func(context)))


def evaluate(text: str, scope: Mapping[str, Any], where: Location) -> Any:
    """The value of an expression: `{{ 5000 }}` and `5000` are numbers, `true` is a truth value.

    A single `{{ ... }}` keeps the type of what is inside. Anything else is text, read as a whole
    number or a truth value if it looks like one. Errors as in `render`.
    """
    value, single = _value(text, scope, where)
    if single or not isinstance(value, str):
        return value
    word = value.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    return int(word) if re.fullmatch(r"-?(0|[1-9][0-9]*)", word) else value


def resolve(value: Any, scope: Mapping[str, Any], where: Location) -> Any:
    """A value of a settings file with every expression in it evaluated, at any depth.

    What was made from a secret is a Secret again. Errors as in `render`.
    """
    if isinstance(value, str):
        if not is_expression(value):
            return value
        with revealing() as exposure:
            result, _ = _value(value, scope, where)
        return _tainted(result) if exposure.happened else result
    if isinstance(value, list):
        return [resolve(item, scope, where) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, scope, where) for key, item in value.items()}
    return value


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """The variables a text with expressions uses; none of one that is no template."""
    try:
        return frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(text)))
    except TemplateSyntaxError:
        return frozenset()


def check(text: str, where: Location) -> None:
    """InputError when `text` is not a template at all."""
    _compile(_template, text, where)


def _value(text: str, scope: Mapping[str, Any], where: Location) -> tuple[Any, bool]:
    """The value, and whether the text is one single expression."""
    template = _compile(_expression, text, where)
    if template is None:
        return render(text, scope, where), False
    context = _context(template, scope)

    def run() -> Any:
        for _ in template.root_render_func(context):
            pass
        result = context.vars["result"]
        if isinstance(result, Undefined):
            str(result)  # raises, as it would in a template
        return result

    return _run(template, scope, where, run), True


def _context(template: Template, scope: Mapping[str, Any]) -> Context:
    """A context that looks names up in `scope` when, and only if, they are used."""
    # Jinja would copy a mapping it is given; a shared parent it only asks.
    parent = ChainMap(cast(MutableMapping[str, Any], scope), _ENVIRONMENT.globals)
    return template.new_context(cast(dict[str, Any], parent), shared=True)


def _tainted(value: Any) -> Any:
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, list | tuple):
        return [_tainted(item) for item in value]
    if isinstance(value, dict):
        return {key: _tainted(item) for key, item in value.items()}
    return value


# --- what templates may use -------------------------------------------------------------------------


class _UndefinedName(UndefinedError):
    def __init__(self, name: str | None, owner: Any, message: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.owner = owner


class _Strict(StrictUndefined):
    """Undefined that remembers its name for the message."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[TemplateError] = UndefinedError,
    ) -> None:
        remembering = partial(_UndefinedName, name, obj)
        # Refusals of the sandbox come with an exception class of their own.
        super().__init__(hint, obj, name, remembering if exc is UndefinedError else exc)  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    """What the JSON encoder does not know: secrets, lazy mappings, undefined values."""
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Undefined):
        str(value)  # raises, naming the variable
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, default=_plain, indent=indent, ensure_ascii=False)


def _to_yaml(value: Any) -> str:
    return dump(json.loads(_to_json(value)))


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which a secret is text or nothing: `reveal` would get around the masking."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not isinstance(obj, Secret) and super().is_safe_attribute(obj, attr, value)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(
        undefined=_Strict,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    ours: dict[str, Callable[..., Any]] = {
        **{"bool": boolean, "to_json": _to_json, "to_yaml": _to_yaml},
        **{"overlaps": overlaps, "within": within},
        **{"address_numbers": address_numbers, "url_host": url_host},
    }
    environment.filters = {name: environment.filters[name] for name in FILTERS} | ours
    environment.globals = {name: environment.globals[name] for name in ("range", "dict", "namespace")}
    return environment


_ENVIRONMENT = _environment()


@lru_cache(maxsize=4096)
def _template(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


@lru_cache(maxsize=4096)
def _expression(text: str) -> Template | None:
    """A template that assigns to `result` if `text` is one single `{{ ... }}`, else None."""
    body = _ENVIRONMENT.parse(text.strip()).body
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    expression = body[0].nodes[0]
    if isinstance(expression, nodes.TemplateData):
        return None
    line = expression.lineno
    assignment = nodes.Assign(nodes.Name("result", "store", lineno=line), expression, lineno=line)
    return _ENVIRONMENT.from_string(nodes.Template([assignment], lineno=1))


# --- errors in plain words --------------------------------------------------------------------------


_FAULTS = (
    *(TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError),
    *(RecursionError, MemoryError),
)
"""A template can fail in any way its filters and operators can, and macros can call themselves."""


def _compile(compiler: Callable[[str], T], text: str, where: Location) -> T:
    try:
        return compiler(text)
    except TemplateSyntaxError as error:
        raise InputError(f"not a valid template: {error.message}", where=_line(where, error.lineno)) from None


def _run(template: Template, scope: Mapping[str, Any], where: Location, action: Callable[[], T]) -> T:
    try:
        return action()
    except KollaError:
        raise
    except _UndefinedName as error:
        _raise_undefined(error, scope, _line(where, _failing_line(error, template)))
    except _FAULTS as error:
        raise InputError(
            f"the template cannot be rendered: {error or type(error).__name__}",
            where=_line(where, _failing_line(error, template)),
        ) from None


def _raise_undefined(error: _UndefinedName, scope: Mapping[str, Any], where: Location) -> NoReturn:
    name = str(error.name)
    if error.owner is not missing:
        members = _members(error.owner)
        raise UndefinedVariable(
            f"the variable has no '{name}'",
            where=where,
            expected=f"one of {', '.join(sorted(members))}" if members else None,
            hint=did_you_mean(name, members),
        ) from None
    names = list(scope)
    if name in names:
        raise UndefinedVariable(
            f"'{name}' has no value", where=where, hint=f"set {name} in globals.yml"
        ) from None
    undefined = UndefinedVariable(
        f"the variable '{name}' is not defined", where=where, hint=did_you_mean(name, names)
    )
    undefined.name = name
    raise undefined from None


def _members(owner: Any) -> list[str]:
    """Names a template could have used on an object."""
    keys = getattr(owner, "keys", None)
    names = keys() if callable(keys) else (name for name in dir(owner) if not name.startswith("_"))
    return [str(name) for name in names]


def _failing_line(error: Exception, template: Template) -> int:
    """Line of the template's text that was being rendered when `error` was raised."""
    line, traceback = 1, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def _line(where: Location, line: int) -> Location:
    """The place `line` lines (from 1) into the text that begins at `where`."""
    return Location(where.path, (where.line or 1) + line - 1)
