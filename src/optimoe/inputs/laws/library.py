"""Requests about the law library: all of it, or one law."""

from dataclasses import dataclass, field

from cyclopts import Parameter

from optimoe.inputs.sources import LawName


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawLibraryRequest:
    """Every law with its status and source."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawRequest:
    """One law: coefficients, units, range, outputs."""

    law: LawName = field(kw_only=False)
    """Name of a law, or a law file."""
