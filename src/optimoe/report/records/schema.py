"""The JSON Schema of every command, made from its records."""

import enum
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from inspect import getdoc
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import UNSET, UnsetType

from optimoe import __version__
from optimoe.core.errors import UnknownNameError
from optimoe.core.provenance import COMMAND, utc_now
from optimoe.core.records import to_record

SCHEMA_VERSION = 1
"""Raised when a key goes or changes its meaning; a new key leaves it as it is."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"

COMMANDS: dict[str, tuple[str, ...]] = {
    "plan": ("plan.plan.PlanRecord",),
    "arch": ("arch.CountRecord", "arch.CountsRecord", "arch.ModulesRecord", "arch.GgufRecord"),
    "cost": ("serving.ServingRecord",),
    "cost fleet": ("sizing.FleetsRecord",),
    "cost context": ("sizing.ContextRecord",),
    "cost disaggregate": ("sizing.DisaggregationRecord",),
    "cost curves": ("sizing.CurvesRecord",),
    "cost train": ("training.TrainingRecord",),
    "cost calibrate": ("calibration.CalibrationRecord",),
    "cost check": ("served.check.LatencyCheckRecord",),
    "cost size-from-speed": ("served.sizes.SizesFromSpeedRecord",),
    "cost yun": ("served.tables.YunPricesRecord",),
    "measure": ("served.measured.MeasurementRecord", "served.foreign.ForeignLevelsRecord"),
    "train": ("runs.trained.TrainedRunsRecord",),
    "sweep": ("runs.sweep.SweepRecord",),
    "sweep status": ("runs.sweep.SweepRecord",),
    "sweep export": ("runs.gate.ExportedRunsRecord",),
    "sweep compare": ("runs.gate.GateRecord",),
    "sweep retry": ("runs.sweep.RetriedRunsRecord",),
    "hardware probe": ("runs.probe.ProbedMachineRecord",),
    "data make": ("runs.corpus.TokenisedTextRecord",),
    "compare": ("served.comparison.ComparisonRecord",),
    "reproduce": (
        "reproduce.ReproductionsRecord",
        "reproduce.ClaimTextsRecord",
        "reproduce.LedgerRecord",
        "reproduce.TextFigureRecord",
    ),
    "laws list": ("laws.library.LawListRecord",),
    "laws show": ("laws.library.LawShowRecord",),
    "laws predict": ("laws.library.PredictionRecord",),
    "laws along": ("laws.line.LawLineRecord",),
    "laws check": ("laws.library.ChecksRecord",),
    "laws fit": ("laws.fits.FitRecord", "laws.corpora.CorporaFitRecord"),
    "laws anchor": ("laws.corpora.AnchoredRecord",),
    "laws isoflop": ("laws.optima.IsoFlopAnalysisRecord",),
    "laws ratio": ("laws.optima.RatioAnalysisRecord",),
    "laws frontier": ("laws.optima.FrontiersRecord",),
    "laws compare-families": ("laws.tests.ScoresRecord",),
    "laws back-test": ("laws.back_test.BackTestsRecord",),
    "laws next-runs": ("laws.tests.NextRunsRecord",),
    "laws curve": ("laws.tests.LossCurvesRecord",),
    "laws compare": ("laws.comparison.LawComparisonRecord",),
    "laws decide": ("laws.comparison.DecisionsRecord",),
    "export": ("runs.export.ExportRecord",),
    "serve": ("runs.serve.ServingEngineRecord",),
    "sample": ("runs.sample.SampleRecord",),
    "predictions": ("predictions.score.PredictionLedgerRecord",),
    "predictions add": ("predictions.entries.LedgerEntryRecord",),
    "predictions outcome": ("predictions.entries.LedgerEntryRecord",),
}
"""The record that each command prints, or the records of which it prints one. By name: a command that counts a
model must not load the planner."""

VERSION_FIELD = {"const": SCHEMA_VERSION, "description": "Version of these keys and meanings; additions keep it."}


@dataclass(frozen=True, kw_only=True)
class MadeRecord:
    """How this object was made.

    Attributes:
        version: Release of optimoe.
        command: What was typed; empty from Python.
        utc: When, ISO 8601.
    """

    version: str
    command: str
    utc: str


def document(record: Any) -> dict[str, Any]:
    """The JSON object of a command: the version of the schema, its record as plain values, and how it was made."""
    made = MadeRecord(version=__version__, command=COMMAND.get(), utc=utc_now())
    return {"schema_version": SCHEMA_VERSION} | to_record(record) | {"made": to_record(made)}


def record_types(command: str) -> tuple[type, ...]:
    """The records of which a command prints one.

    Raises:
        UnknownNameError: No command of that name prints a record; lists the nearest.
    """
    if command not in COMMANDS:
        raise UnknownNameError("command", command, COMMANDS)
    found = []
    for name in COMMANDS[command]:
        module, _, record = name.rpartition(".")
        found.append(getattr(import_module(f"{__package__}.{module}"), record))
    return tuple(found)


def json_schema(command: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of what ``optimoe COMMAND --json`` prints.

    Written here and not by msgspec, because a JSON number is finite (null stands for infinity and NaN), because
    fields carry their descriptions, and because a place may hold one of several records.

    Args:
        command: Such as ``"cost"`` or ``"laws fit"``.

    Raises:
        UnknownNameError: No command of that name prints a record; lists the nearest.
    """
    defs: dict[str, Any] = {}
    kinds = [_top(cls, defs) for cls in record_types(command)]
    top = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {"$schema": DIALECT, "title": f"optimoe {command} --json", **top, "$defs": defs}


def field_docs(cls: type) -> dict[str, str]:
    """The description of each field of a dataclass, from the ``Attributes:`` of its and its bases' docstrings."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if is_dataclass(base):
            docs |= _attributes(getdoc(base) or "")
    return docs


def _attributes(docstring: str) -> dict[str, str]:
    """Name and text of each entry under ``Attributes:``, continuation lines joined."""
    docs: dict[str, str] = {}
    names: list[str] = []
    lines = docstring.partition("\nAttributes:\n")[2].splitlines()
    for line in lines:
        if line and not line.startswith(" "):  # the next section
            break
        if line.startswith("    ") and not line.startswith("     "):
            listed, _, text = line.strip().partition(": ")
            names = [name.strip() for name in listed.split(",")]
            docs |= dict.fromkeys(names, text)
        elif line.strip():
            docs |= {name: f"{docs[name]} {line.strip()}" for name in names}
    return docs


def _top(cls: type, defs: dict[str, Any]) -> dict[str, Any]:
    """A record as the whole object of a command."""
    schema = _object(cls, defs)
    made = _of(MadeRecord, defs) | {"description": "How this object was made."}
    schema["properties"] = {"schema_version": VERSION_FIELD} | schema["properties"] | {"made": made}
    schema["required"] = ["schema_version", *schema["required"]]
    return schema


def _object(cls: type, defs: dict[str, Any]) -> dict[str, Any]:
    hints, docs = get_type_hints(cls), field_docs(cls)
    properties: dict[str, Any] = {}
    for field in fields(cls):
        described = {"description": docs[field.name]} if field.name in docs else {}
        properties[field.name] = _of(hints[field.name], defs) | described
    return {
        "type": "object",
        "description": (getdoc(cls) or "").partition("\n\n")[0].replace("\n", " "),
        "properties": properties,
        "required": [field.name for field in fields(cls) if field.default is not UNSET],
    }


def _of(hint: Any, defs: dict[str, Any]) -> dict[str, Any]:
    """The schema of one type; records go to ``defs``, each once."""
    if is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in defs:
            defs[hint.__name__] = {}  # holds the place, so that records may hold themselves
            defs[hint.__name__] = _object(hint, defs)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of([_of(one, defs) for one in arguments if one is not UnsetType])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], defs)}
    if origin is tuple:
        return _array(arguments, defs)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    return {"type": _NAMES[hint]}


_NAMES: Mapping[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
}


def _array(arguments: tuple[Any, ...], defs: dict[str, Any]) -> dict[str, Any]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": _of(arguments[0], defs)}
    prefix = [_of(one, defs) for one in arguments]
    return {"type": "array", "prefixItems": prefix, "items": False, "minItems": len(prefix)}


def _any_of(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """One of several: a list of plain types where all are plain."""
    if len(kinds) == 1:
        return kinds[0]
    if all(kind.keys() == {"type"} for kind in kinds):
        return {"type": [kind["type"] for kind in kinds]}
    return {"anyOf": kinds}
