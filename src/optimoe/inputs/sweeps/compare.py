"""The request of ``optimoe sweep compare``: a variant of a sweep's runs, held against a baseline."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.inputs.quantities import Quantity
from optimoe.inputs.sources import LawName
from optimoe.inputs.sweeps.store import StoreRequest

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.core.run import RunRecord
    from optimoe.laws.loss_law import LossLaw
    from optimoe.laws.prediction.speedup import Gate, RunPair, ScalingSlope
    from optimoe.trainer.sweep.store import SweepStore

DRAWS = 200
"""Of a law that has none of its own."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GateRequest(StoreRequest):
    """A variant against a baseline, over the rungs and seeds that both have."""

    baseline: str
    """Part of the baseline's names, between dashes: e1 of s-e1-2.00M-s0."""
    variant: str
    """Part that stands there in the variant's names: e8."""
    law: LawName = ""
    """Law of such runs, for the exponent along the baseline's ladder, the floor, and what it expects of pairs."""
    alpha: Quantity = 0.0
    """Exponent of the baseline's loss over compute, in place of a law's."""
    floor: Quantity = 0.0
    """Loss that no compute goes below, beside --alpha."""
    out: Path | None = None
    """Where the verdict is written; left out, STORE/gates/VARIANT-over-BASELINE.json."""

    def __post_init__(self) -> None:
        require(bool(self.law) != bool(self.alpha), "law", "given, or --alpha with --floor", self.law or "both")

    @property
    def file(self) -> Path:
        """Where the verdict is written."""
        return self.out or self.store / "gates" / f"{self.variant}-over-{self.baseline}.json"

    def opened(self) -> "SweepStore":
        """The store, or a folder that holds records of its runs alone.

        Raises:
            InputError: The folder holds neither.
        """
        from optimoe.trainer.sweep.store import SweepStore

        store = SweepStore(self.store)
        return store if store.records_file.is_file() else super().opened()

    def judged(self) -> "Gate":
        """What the pairs say.

        Raises:
            InputError: There is no store, or no pair of runs that are over.
            ConfigError: A loss is not above the floor, or a law gives no exponent.
            UnknownNameError: No such law.
        """
        from optimoe.laws.prediction.speedup import judge

        finished = {one.run.name: one for one in self.opened().records().values() if one.status == "finished"}
        baseline = {name: finished[name] for name in finished if self.baseline in name.split("-")}
        law = self._law()
        pairs = [pair for name in baseline for pair in self._pair(baseline[name], finished, law)]
        if not pairs:
            raise InputError(
                f"--variant: must be in names that differ from the baseline's in it alone, got {self.variant!r}"
            )
        return judge(pairs, self._slope(list(baseline.values()), law))

    def _law(self) -> "LossLaw | None":
        """The law with draws, its own or those that its scatter and range allow; none where a slope is stated."""
        from optimoe.laws.catalog import find_law, find_loss_law
        from optimoe.laws.fitting import drawn_law

        return type(find_loss_law(self.law))(drawn_law(self.law, DRAWS), find_law) if self.law else None

    def _pair(self, base: "RunRecord", finished: "dict[str, RunRecord]", law: "LossLaw | None") -> "list[RunPair]":
        """A baseline's run and the variant's, where that is over too."""
        from optimoe.laws.prediction.speedup import RunPair

        parts = base.run.name.split("-")
        other = finished.get("-".join(self.variant if part == self.baseline else part for part in parts))
        if other is None or other.loss is None or base.loss is None:
            return []
        rung = "-".join(part for part in parts if part not in (self.baseline, f"s{base.run.seed}"))
        return [
            RunPair(
                rung=rung or "all",
                seed=base.run.seed,
                losses=(base.loss, other.loss),
                flops=(base.train_flops, other.train_flops),
                seconds=(base.seconds, other.seconds),
                expected=math.nan if law is None else _expected(law, other) - _expected(law, base),
            )
        ]

    def _slope(self, baseline: "list[RunRecord]", law: "LossLaw | None") -> "ScalingSlope":
        """Exponent and floor, as they are stated or as a law gives them."""
        from optimoe.laws.prediction.speedup import ScalingSlope, slope_of

        if law is None:
            return ScalingSlope(alpha=self.alpha, floor=self.floor, source="stated")
        return slope_of(law, {one.train_flops: (_arch(one), one.run.tokens) for one in baseline})


def _expected(law: "LossLaw", run: "RunRecord") -> float:
    """The loss of a run by a law; NaN where it ranks no such model."""
    arch = _arch(run)
    return float(law.arch_loss(arch, run.run.tokens)) if law.judge(arch).applicable else math.nan


def _arch(run: "RunRecord") -> "ArchSpec":
    from optimoe.arch.hf import from_config

    return from_config(run.run.architecture, run.run.name)
