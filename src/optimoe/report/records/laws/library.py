"""JSON of ``optimoe laws list``, ``show``, ``predict`` and ``check``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from optimoe.core.records import same_fields
from optimoe.laws.check import CheckResult
from optimoe.laws.law import LawRow, Status

LOSS = "L"
"""The symbol of a loss in every law."""


@dataclass(frozen=True, kw_only=True)
class LawRecord:
    """One coefficient set with its evidence.

    Attributes:
        name: The key of the coefficient set.
        family: The equation it belongs to.
        source: Paper and place.
        status: ``verified``, ``transcribed``, ``form-only``, ``inconsistent`` or ``fitted``.
        n_convention: What the law calls N.
        coefficients: Values by symbol.
        log_base: Base of logarithms in its formula.
        units: Units by symbol.
        range: What the fit covered, lowest and highest value by symbol.
        rmse_log: Root mean square residual of ln L on the fitted runs; 0 when not known.
        rmse_source: Where that number stands.
        notes: Caveats.
        dense_baseline: The law of the same paper for dense models, where this one is for routed ones only.
        better_digits: The row to use in place of this one: the same law with more digits.
        runs: The data set behind it, and which of its rows.
    """

    name: str
    family: str
    source: str
    status: Status
    n_convention: str
    coefficients: dict[str, float]
    log_base: str
    units: dict[str, str]
    range: dict[str, tuple[float | None, float | None]]
    rmse_log: float
    rmse_source: str
    notes: str
    dense_baseline: str
    better_digits: str
    runs: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class LawListRecord:
    """The law library, all of its coefficient sets.

    Attributes:
        laws: Every coefficient set.
    """

    laws: tuple[LawRecord, ...]


@dataclass(frozen=True, kw_only=True)
class LawShowRecord:
    """One law with its outputs.

    Attributes:
        law: The coefficient set.
        coefficients: Its values by symbol.
        outputs: What it can evaluate: the symbols of the inputs by the symbol of the output.
    """

    law: LawRecord
    coefficients: dict[str, float]
    outputs: dict[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class PredictionRecord:
    """One output of a law, evaluated.

    Attributes:
        law: The law's name.
        status: The status of its coefficients.
        source: Paper and place.
        output: Symbol of the output.
        inputs: Values of the law's variables, by symbol.
        loss: Nats per token; only where the output is L.
        value: The output in the law's own unit; only where it is another than L.
    """

    law: str
    status: Status
    source: str
    output: str
    inputs: dict[str, float | str]
    loss: float | UnsetType | None = UNSET
    value: float | UnsetType | None = UNSET


@dataclass(frozen=True, kw_only=True)
class CheckResultRecord:
    """A published value beside our own.

    Attributes:
        law: The law's name.
        output: Symbol of the output.
        inputs: Values of the law's variables, by symbol.
        expected: The published value.
        ours: Our value; null where it cannot be evaluated.
        tolerance_rel: Relative difference that is allowed.
        ok: Whether it is kept; null where it cannot be evaluated.
        pending: Why it cannot be evaluated; empty where it can.
    """

    law: str
    output: str
    inputs: dict[str, float | str]
    expected: float
    ours: float | None
    tolerance_rel: float
    ok: bool | None
    pending: str


@dataclass(frozen=True, kw_only=True)
class ChecksRecord:
    """A file of check-values, evaluated.

    Attributes:
        passed: Rows within their tolerance.
        failed: Rows beyond their tolerance.
        pending: Rows that cannot be evaluated.
        rows: All rows.
    """

    passed: int
    failed: int
    pending: int
    rows: tuple[CheckResultRecord, ...]


def law_record(row: LawRow) -> LawRecord:
    """One coefficient set with its evidence."""
    return same_fields(LawRecord, row)


def law_list_record(rows: Sequence[LawRow]) -> LawListRecord:
    """The whole library of laws."""
    return LawListRecord(laws=tuple(law_record(row) for row in rows))


def law_show_record(row: LawRow, outputs: Mapping[str, tuple[str, ...]]) -> LawShowRecord:
    """One law with what it can evaluate."""
    return LawShowRecord(law=law_record(row), coefficients=row.coefficients, outputs=dict(outputs))


def prediction_record(row: LawRow, output: str, inputs: Mapping[str, Any], value: Any) -> PredictionRecord:
    """One output of a law; the loss has a key of its own."""
    return same_fields(
        PredictionRecord,
        row,
        law=row.name,
        output=output,
        inputs=dict(inputs),
        loss=value if output == LOSS else UNSET,
        value=UNSET if output == LOSS else value,
    )


def checks_record(results: Sequence[CheckResult]) -> ChecksRecord:
    """Check-values with how many of them hold."""
    return ChecksRecord(
        passed=sum(result.ok is True for result in results),
        failed=sum(result.ok is False for result in results),
        pending=sum(result.ok is None for result in results),
        rows=tuple(same_fields(CheckResultRecord, result) for result in results),
    )
