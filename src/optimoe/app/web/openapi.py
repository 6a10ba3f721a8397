"""The API in words that tools read: OpenAPI 3.1, made from the requests and the records."""

import json
import math
import types
from functools import cache
from inspect import getdoc
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from cyclopts import App

from optimoe import __version__
from optimoe.app.web.questions import QUESTIONS, REPORTS, AskedCommand
from optimoe.inputs.tables import option_defaults, options
from optimoe.report.records.schema import json_schema

PREFIX = "/api/v1"
"""Version of the paths: raised when a question or an answer changes its meaning; additions keep it."""

FAILURES = {
    400: "The request is wrong: the line names the field, the limit and the value.",
    401: "The token is missing or wrong.",
    403: "Asked under another host, or from a page of another origin.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "Well asked, and nothing keeps all limits: the line says what binds.",
    429: "Too many questions at once.",
    500: "A fault of the server.",
    503: "The process that answered has ended.",
    504: "It took too long.",
}
NOTES = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What the command would say beside its answer.",
}
PRINTED = {
    "type": "array",
    "items": {"type": "object"},
    "description": "What the command prints, where `words` is true: of each block its sentence, its lines (label "
    "and text; an empty label continues the one above), or title and rows of a table, the first of heads.",
}
ADDED = {
    "words": PRINTED,
    "law_file": {"type": "string", "description": "TOML that is read as a law, where `law_file` is true."},
}
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "One line."}},
    "required": ["error"],
}


@cache
def openapi_text() -> str:
    """The document as JSON."""
    return json.dumps(openapi(), indent=2, ensure_ascii=False)


@cache
def questions_text() -> str:
    """The options of every question as JSON, by its path: the part of the document from which a page asks."""
    asked = {name: {"summary": _sentence(one.request), **_options(one)} for name, one in QUESTIONS.items()}
    return json.dumps({"version": __version__, "questions": asked}, ensure_ascii=False)


def openapi() -> dict[str, Any]:
    """Every question with its options, its answer and its failures."""
    schemas: dict[str, Any] = {"Failure": _ERROR}
    paths = {
        f"{PREFIX}/{name}": {"post": _operation(name, question, schemas)} for name, question in QUESTIONS.items()
    }
    for path, name in REPORTS.items():
        paths[f"{PREFIX}/{path}"] = {"post": _report(path, paths[f"{PREFIX}/{name}"]["post"])}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "optimoe",
            "version": __version__,
            "description": "The answers of the command line. Names and content only: no path, address or code.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _operation(name: str, question: AskedCommand, schemas: dict[str, Any]) -> dict[str, Any]:
    schemas |= _answer(question)
    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    answer = {"$ref": f"#/components/schemas/{_name(question.command)}"}
    return {
        "operationId": name.replace("/", "_"),
        "summary": _sentence(question.request),
        "requestBody": {"content": {"application/json": {"schema": _options(question)}}},
        "responses": {
            "200": {
                "description": f"As optimoe {question.command} --json.",
                "content": {"application/json": {"schema": answer}},
            },
            **{str(status): {"description": words, "content": failed} for status, words in FAILURES.items()},
        },
    }


def _report(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """A question that is answered by a page: as the one whose report it is, but for the answer."""
    page = {"description": "A page of one file.", "content": {"text/html": {"schema": {"type": "string"}}}}
    return operation | {"operationId": path.replace("/", "_"), "responses": operation["responses"] | {"200": page}}


def _name(command: str) -> str:
    return f"Answer to {command}".title().replace(" ", "")


def _answer(question: AskedCommand) -> dict[str, Any]:
    """The schema of a command's JSON and those that it refers to, each under a name of its own."""
    schema = json_schema(question.command)
    defs, top = schema.pop("$defs"), _name(question.command)
    schema.pop("$schema")
    for kind in schema.get("anyOf", [schema]):
        kind["properties"] |= {"notes": NOTES} | {name: ADDED[name] for name in question.additions}
    found = {f"{top}.{key}": one for key, one in defs.items()} | {top: schema}
    moved: dict[str, Any] = json.loads(json.dumps(found).replace("#/$defs/", f"#/components/schemas/{top}."))
    return moved


def _options(question: AskedCommand) -> dict[str, Any]:
    """The options of a request as the schema of an object."""
    helps, usual = _helps(question.request), option_defaults(question.request)
    properties = {
        name: _option(hint)
        | ({"description": helps[name]} if helps.get(name) else {})
        | _default(usual.get(name))
        | _names(hint)
        for name, hint in options(question.request).items()
        if not _is_file(hint)
    }
    stated = {**question.switches, **question.additions}
    switches = {name: {"type": "boolean", "description": words} for name, words in stated.items()}
    needed = [name for name in properties if name not in usual and name in _required(question.request)]
    return {
        "type": "object",
        "properties": properties | switches,
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }


def _option(hint: Any) -> dict[str, Any]:
    """What a JSON value of an option may be: what has a unit is text or a number, several are a list or text."""
    if hasattr(hint, "__metadata__"):
        return _option(get_args(hint)[0]) if not any(hasattr(mark, "read") for mark in hint.__metadata__) else {}
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [_option(one) for one in get_args(hint)]
        return {} if {} in kinds else {"anyOf": kinds}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return {"type": names[hint]} if hint in names else {}


def _is_file(hint: Any) -> bool:
    """Whether an option is a file alone, which nobody may name over HTTP."""
    return hint is Path or Path in get_args(hint)


def _default(value: Any) -> dict[str, Any]:
    """What holds where an option is left out; nothing where that is no limit, or left to be found."""
    stated = isinstance(value, bool | str) or (isinstance(value, int | float) and math.isfinite(value))
    return {"default": value} if stated and value != "" else {}


def _names(hint: Any) -> dict[str, Any]:
    """The names that an option may have, where it is one of what ships."""
    names = next((sorted(mark.names()) for mark in _marks(hint) if hasattr(mark, "names")), [])
    return {"examples": names} if names else {}


def _marks(hint: Any) -> list[Any]:
    """The marks of a type, and of each kind of a union."""
    if hasattr(hint, "__metadata__"):
        return [*hint.__metadata__, *_marks(get_args(hint)[0])]
    if get_origin(hint) in (Union, types.UnionType):
        return [mark for one in get_args(hint) for mark in _marks(one)]
    return []


def _helps(request: type) -> dict[str, str]:
    """The text of each option, as ``--help`` shows it."""
    return {name: text for name, text, _ in _arguments(request)}


def _required(request: type) -> set[str]:
    return {name for name, _, required in _arguments(request) if required}


@cache
def _arguments(request: type) -> tuple[tuple[str, str, bool], ...]:
    """Name, text and whether it must stand, of each option as the command line has it."""
    app = App()

    def command(request: Any) -> None: ...

    command.__annotations__["request"] = request
    if not _needs_options(request):
        command.__defaults__ = (request(),)
    app.default(command)
    found = app.assemble_argument_collection(parse_docstring=True)
    return tuple(
        (one.field_info.names[0], " ".join((one.parameter.help or "").split()), one.required)
        for one in found
        if one.name.startswith("--")
    )


def _needs_options(request: type) -> bool:
    """Whether a request cannot be made of defaults alone."""
    return set(options(request)) != set(option_defaults(request))


def _sentence(request: type) -> str:
    return (getdoc(request) or "").partition("\n\n")[0].replace("\n", " ")
