"""The requests of ``optimoe laws isoflop``, ``frontier`` and ``ratio``: what is best at equal FLOPs."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.laws.options import LawsRequest
from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.quantities import Pairs, Several, columns_by_name, pairs, parts
from optimoe.inputs.sources import Runs

if TYPE_CHECKING:
    from optimoe.laws.runs import Observations

DECADES = "1e20,1e21,1e22,1e23,1e24,1e25"
"""Budgets where none are stated: from a proxy to the largest runs of today."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class IsoFlopRequest(LawsRequest):
    """Runs of equal training FLOPs: the best size at each budget, by parabolas and by laws."""

    budget: str = ""
    """Column, label or variable that holds the budget; left out, runs of equal C (or 6ND) are one budget."""
    window: int = 7
    """Sizes around the lowest loss through which a parabola goes: 5 to 7 are usual."""
    tolerance: float = 0.1
    """Relative difference up to which runs are of one budget, where no column holds it."""

    def label_columns(self) -> dict[str, str]:
        """Labels and their columns, the budget's among them.

        Raises:
            InputError: One is not stated as ``run=hyper_id``.
        """
        stated = super().label_columns()
        return stated | {"budget": self.budget} if self.budget_label not in ("", self.budget) else stated

    def needs(self) -> tuple[str, ...]:
        """Tokens, which are traded against a size."""
        return ("D",)

    @property
    def budget_label(self) -> str:
        """The label or variable of the runs that holds the budget; empty for none."""
        variables = columns_by_name("--columns", self.columns, "N=params")
        known = {*variables, *super().label_columns(), "budget"}
        return self.budget if not self.budget or self.budget in known else "budget"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RatioRequest(RunsRequest):
    """Runs of equal training FLOPs that differ in r, FLOPs of experts over those of attention: best r and its law.

    Besides r and loss, a table has S, the inactive share of experts (shared ones counted, as in
    S=1-(k+shared)/(E+shared)), and C, the FLOPs of the run, or N_act and D; with D, sizes are kept apart.
    """

    window: int = 5
    """Ratios around the lowest loss that a parabola goes through, 4 or more: wider is biased, narrower noisier."""
    tolerance: float = 0.1
    """Relative difference up to which runs are of one budget, and of one size."""
    resamples: int = 200
    """Draws for the intervals; 0 for none."""
    level: float = 0.9
    """Probability that an interval holds."""
    seed: int = 0
    """Seed of the draws."""

    def needs(self) -> tuple[str, ...]:
        """The ratio and the sparsity; FLOPs may be stated in two ways."""
        return ("S", "r")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FrontierRequest(LawsRequest):
    """The compute-optimal size and tokens of laws over budgets, at C = 6ND."""

    runs: Runs = field(kw_only=False, default=())
    """Tables of runs to fit a family to, with --family; none for laws that are named."""
    train_flops: Several = ""
    """Budgets in FLOPs, between commas; left out, decades from 1e20 to 1e25."""
    set: Pairs = None
    """Other variable of a law, as a number or a formula of its size and D, such as E=64 or N_total=8*N_act."""

    def budgets(self) -> list[float]:
        """The budgets in FLOPs.

        Raises:
            InputError: One is no quantity.
        """
        return [parse_quantity(part) for part in parts(self.train_flops or DECADES)]

    def others(self) -> dict[str, str]:
        """The other variables by symbol, as they were stated.

        Raises:
            InputError: One is not stated as ``E=64``.
        """
        return {symbol: str(value) for symbol, value in pairs("--set", self.set, "E=64").items()}

    def found_runs(self) -> "Observations | None":
        """The runs that a family is fitted to; none where only laws are asked.

        Raises:
            InputError: Neither laws are named, nor runs with a family; or one of the two is missing.
        """
        given = not isinstance(self.runs, tuple) or len(self.runs) > 0
        if not given and not self.law:
            raise InputError("--law: missing (name a law, or give runs and --family)")
        if given != bool(self.family):
            raise InputError("--family: must be stated with runs, and only with them")
        return self.observations() if given else None
