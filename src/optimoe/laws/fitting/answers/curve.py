"""A training curve beside the prediction of a law."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

NEAR = 0.01
"""Within this of ln L a curve is at the law: as close as laws fit finished runs."""


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """A training curve against a law, in the order of tokens.

    Attributes:
        run: Its id.
        tokens: D.
        measured: Nats per token.
        predicted: The law at the same D.
        log_ratio: ln(measured/predicted).
    """

    run: str
    tokens: Float[np.ndarray, " points"]
    measured: Float[np.ndarray, " points"]
    predicted: Float[np.ndarray, " points"]
    log_ratio: Float[np.ndarray, " points"]

    @property
    def rmse_log(self) -> float:
        """Root mean square of ln(measured/predicted)."""
        return float(np.sqrt(np.mean(self.log_ratio**2)))

    @property
    def last_log(self) -> float:
        """ln(measured/predicted) at the last point."""
        return float(self.log_ratio[-1])

    @property
    def scale_log(self) -> float:
        """Mean of ln(measured/predicted) over the second half of the tokens: what one scale would take away."""
        return float(self.log_ratio[self.tokens >= self.tokens[-1] / 2].mean())

    @property
    def shape_log(self) -> float:
        """Root mean square of ln(measured/predicted) over the second half of the tokens, after that one scale."""
        return float(self.log_ratio[self.tokens >= self.tokens[-1] / 2].std())

    @property
    def within(self) -> float:
        """Share of the tokens from which on it stays within one per cent of the law; NaN where it never does."""
        outside = np.flatnonzero(np.abs(self.log_ratio) > NEAR)
        first = int(outside[-1]) + 1 if len(outside) else 0
        return float(self.tokens[first] / self.tokens[-1]) if first < len(self.tokens) else float("nan")


def loss_curve(observations: Observations, law: LawRow, run: str) -> LossCurve:
    """One run's curve beside the law (a law of final losses: mid-training points sit above it until decay).

    Raises:
        ConfigError: The observations have no label ``run``, or no such run.
    """
    require("run" in observations.labels, "observations", "labelled by run", sorted(observations.labels))
    mine = observations.labels["run"] == run
    require(mine.any(), "run", f"one of {', '.join(sorted(set(observations.labels['run']))[:8])}…", run)
    curve = observations.select(mine)
    order = np.argsort(curve.column("D"))
    family = find_family(law.family)
    predicted = np.asarray(family(law).loss(**variables_of(family, curve)))
    return LossCurve(
        run=run,
        tokens=curve.column("D")[order],
        measured=curve.loss[order],
        predicted=predicted[order],
        log_ratio=np.log(curve.loss / predicted)[order],
    )


def loss_curves(observations: Observations, law: LawRow, run: str = "") -> tuple[LossCurve, ...]:
    """The curves of all runs, in the order of the table, or of one.

    Raises:
        ConfigError: The observations have no label ``run``, or no such run.
    """
    require("run" in observations.labels, "observations", "labelled by run", sorted(observations.labels))
    names = [run] if run else list(dict.fromkeys(observations.labels["run"].tolist()))
    return tuple(loss_curve(observations, law, name) for name in names)
