"""A training curve beside the prediction of a law."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations


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
