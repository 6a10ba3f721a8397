"""The request of ``optimoe sweep compare``: a variant of a sweep's runs, held against a baseline."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.inputs.quantities import Quantity
from optimoe.inputs.sources import LawName
from optimoe.inputs.sweeps.store import StoreRequest

if TYPE_CHECKING:
    from optimoe.core.run import RunRecord
    from optimoe.laws.prediction.speedup import Gate, RunPair, ScalingSlope


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GateRequest(StoreRequest):
    """A variant against a baseline, over the rungs and seeds that both have."""

    baseline: str
    """Part of the baseline's names, between dashes: e1 of s-e1-2.00M-s0."""
    variant: str
    """Part that stands there in the variant's names: e8."""
    law: LawName = ""
    """Law of such runs, for the exponent along the baseline's ladder and the floor."""
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
        pairs = [pair for name in baseline for pair in self._pair(baseline[name], finished)]
        if not pairs:
            raise InputError(
                f"--variant: must be in names that differ from the baseline's in it alone, got {self.variant!r}"
            )
        return judge(pairs, self._slope(list(baseline.values())))

    def _pair(self, base: "RunRecord", finished: "dict[str, RunRecord]") -> "list[RunPair]":
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
            )
        ]

    def _slope(self, baseline: "list[RunRecord]") -> "ScalingSlope":
        """Exponent and floor, as they are stated or as a law gives them."""
        from optimoe.arch.hf import from_config
        from optimoe.laws.catalog import find_law
        from optimoe.laws.prediction.speedup import ScalingSlope, slope_of

        if not self.law:
            return ScalingSlope(alpha=self.alpha, floor=self.floor, source="stated")
        ladder = {
            one.train_flops: (from_config(one.run.architecture, one.run.name), one.run.tokens) for one in baseline
        }
        return slope_of(find_law(self.law), ladder)
