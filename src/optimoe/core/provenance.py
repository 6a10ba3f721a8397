"""Where a number comes from, and how far to trust it."""

import enum
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

COMMAND: ContextVar[str] = ContextVar("COMMAND", default="")
"""What was typed, set by the command line; empty in Python. What leaves a file behind writes it down."""


def utc_now() -> str:
    """This second, ISO 8601: ``2026-01-31T12:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Basis(enum.StrEnum):
    """How a number was obtained, from the strongest to the weakest."""

    MEASURED = "measured"
    PUBLISHED = "published"
    FITTED = "fitted"
    DERIVED = "derived"
    ASSUMED = "assumed"


_STRENGTH = tuple(Basis)


def weakest(*bases: Basis) -> Basis:
    """The basis of a combination: that of its weakest part."""
    return max(bases, key=_STRENGTH.index)


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """One number that a result rests on.

    Attributes:
        name: What it is, in words.
        value: The value, in words and units.
        basis: How it was obtained.
        source: Paper, table, vendor page or option that it comes from.
    """

    name: str
    value: str
    basis: Basis
    source: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with the band that it lies in; NaN bounds where the error is not known.

    Attributes:
        value: The number.
        low: The lower end of the band.
        high: The upper end of the band.
    """

    value: float
    low: float
    high: float
