"""Where predictions stand, and a number out of a record: what both requests state."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.core.errors import require

LEDGER = Path("predictions.jsonl")
"""The ledger of the folder in which one works."""

FromRecord = Annotated[Path | None, Parameter(name="--from")]
"""A JSON file to take a number from."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LedgerRequest:
    """A ledger of predictions."""

    ledger: Path = LEDGER
    """The file of predictions and outcomes, one a line."""


def require_one_way(record: Path | None, field: str, typed: dict[str, bool]) -> None:
    """Check that a number is taken from a record or typed, and not both.

    Args:
        record: The file that holds it.
        field: Where it stands there.
        typed: By option that is for typed numbers, whether it is given.

    Raises:
        ConfigError: Neither way is taken, or both.
    """
    if record is None:
        require(not field, "--field", "given with --from", field)
        first = next(iter(typed))
        require(typed[first], first, "given, or --from and --field in its place", "neither")
        return
    require(field, "--field", "given with --from, such as tpot_s or choice.loss", "none")
    for option, given in typed.items():
        require(not given, option, "left out with --from: the record says it", "both")
