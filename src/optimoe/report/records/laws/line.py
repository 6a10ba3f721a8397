"""JSON of ``optimoe laws along``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimoe.core.records import same_fields
from optimoe.laws.law import LawRow, Status
from optimoe.laws.prediction.along import LawLine


@dataclass(frozen=True, kw_only=True)
class LawPointRecord:
    """An output of a law at one value of the variable that moves.

    Attributes:
        at: The value.
        value: The output.
        low: Lower end of 90 %; null where it is not known.
        high: Upper end; likewise.
        beyond: Variables that lie outside of what the law was fitted on there, each as a line.
    """

    at: float
    value: float | None
    low: float | None
    high: float | None
    beyond: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LawLineRecord:
    """One output of a law along one of its variables.

    Attributes:
        law: The law's name.
        status: The status of its coefficients.
        source: Paper and place.
        output: Symbol of the output.
        unit: Its unit; empty where neither the law nor its name says it.
        meaning: What it stands for.
        band: What low and high come from, or why there are none.
        variable: Symbol of the variable that moves.
        fitted: Ends of its range in the fit; empty where nobody stated it.
        inputs: Values of the other variables, by symbol.
        domain: The designs that the law was fitted on, as a line.
        points: The output at each value, in rising order.
    """

    law: str
    status: Status
    source: str
    output: str
    unit: str
    meaning: str
    band: str
    variable: str
    fitted: tuple[float, ...]
    inputs: dict[str, float | str]
    domain: str
    points: tuple[LawPointRecord, ...]


def law_line_record(row: LawRow, inputs: Mapping[str, Any], found: LawLine) -> LawLineRecord:
    """One output of a law along one of its variables."""
    variable = found.along.variable
    return same_fields(
        LawLineRecord,
        found.points[0],
        law=row.name,
        status=row.status,
        source=row.source,
        variable=variable,
        fitted=row.range.get(variable, ()),
        inputs=dict(inputs),
        domain=row.domain.words,
        points=tuple(
            same_fields(LawPointRecord, point, at=at, beyond=tuple(one.words for one in point.reach.beyond))
            for at, point in zip(found.along.values, found.points, strict=True)
        ),
    )
