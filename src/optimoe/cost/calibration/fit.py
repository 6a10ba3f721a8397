"""The factors of an engine from its records: robust least squares with a prior, tested on groups left out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import least_squares

from optimoe.core.errors import InputError, require
from optimoe.core.latency import LatencyRecord
from optimoe.cost.calibration.errors import latency_errors
from optimoe.cost.calibration.factors import FACTORS, FactorInterval, Factors, from_logs, prior_sd, shipped_factors
from optimoe.cost.calibration.files import Calibration
from optimoe.cost.calibration.reach import BY_MODEL, gpu_name, measured_rows
from optimoe.cost.calibration.serving_model import ClosedPrediction, Predict, ServingModel

TPOT_SD, TTFT_SD = 0.1, 0.5
"""Scatter of ln(measured/predicted) that a good model leaves (assumed); a record that is further off counts as
its absolute error, no more as its square. TTFT depends on how an engine admits prompts, which few predict well."""

# With two groups each fit would see one of them alone; ten folds are as many refits as one waits for.
LEAST_GROUPS, MOST_FOLDS = 3, 10

Rows = Int[np.ndarray, " some"] | Bool[np.ndarray, " records"]
Logs = Float[np.ndarray, " factors"]


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a calibration is made.

    Attributes:
        least_records: Fewer usable records are refused.
        resamples: Refits for the intervals.
        level: Share of the draws that the intervals hold.
        seed: Seed of the resamples.

    Raises:
        ConfigError: A number is not positive, or the level not in (0, 1).
    """

    least_records: int = 8
    resamples: int = 200
    level: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            self.least_records >= len(FACTORS), "least_records", f"at least {len(FACTORS)}", self.least_records
        )
        require(self.resamples >= 1, "resamples", "positive", self.resamples)
        require(0 < self.level < 1, "level", "between 0 and 1", self.level)


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """The records as the fit sees them: logarithms of what was measured, and the model bound to them."""

    predict: Predict
    shipped: Factors
    spread: Logs
    tpot: Float[np.ndarray, " records"]
    ttft: Float[np.ndarray, " records"]
    weight: Float[np.ndarray, " records"]

    def factors(self, logs: Logs) -> Factors:
        """Factors that are exp(logs) times the shipped ones."""
        return from_logs(logs, self.shipped)

    def log_errors(self, logs: Logs) -> Float[np.ndarray, "latencies records"]:
        """ln(predicted/measured) of TPOT and TTFT."""
        predicted = self.predict(self.factors(logs))
        return np.stack([np.log(predicted.tpot_s) - self.tpot, np.log(predicted.ttft_s) - self.ttft])


def calibrate(
    records: Sequence[LatencyRecord],
    *,
    name: str = "",
    model: ServingModel | None = None,
    settings: FitSettings | None = None,
) -> Calibration:
    """Fit the factors to records of one version of one engine.

    With x = ln(factor/shipped), minimises Σ ρ(ln(TPOT error)/0.1) + Σ ρ(ln(TTFT error)/0.5) + Σ (x/σ)²,
    ρ(r) = 2(√(1 + r²) − 1) and σ of :data:`~optimoe.cost.calibration.factors.PRIOR_SD`: few records move
    the factors little, and repeats of one load count as one. Held out in turn: each model if there are three,
    else each deployment, each length of request, or each tenth record. Intervals: refits to deployments drawn
    with replacement, around priors drawn likewise, so that a factor that the records do not tell keeps its
    prior's width.

    Args:
        records: Measurements of one engine and version.
        name: Name of the calibration; engine and version if left out.
        model: What predicts the records.
        settings: How many records it takes, and how the intervals are drawn.

    Raises:
        InputError: Several engines or versions, too few usable records, or an unknown model or GPU.
    """
    model, settings = model or ClosedPrediction(), settings or FitSettings()
    engine, version = _one_engine(records)
    usable, left_out = _usable(records, model, settings.least_records)
    problem = _Problem(
        predict=model.bind(usable),
        shipped=shipped_factors(engine),
        spread=prior_sd(engine),
        tpot=np.log([record.tpot_s for record in usable]),
        ttft=np.log([record.ttft_s for record in usable]),
        weight=_weights(usable),
    )
    rows = np.arange(len(usable))
    best = _solve(problem, rows)
    held_out, rule = _held_out(problem, usable)
    return Calibration(
        name=name or f"{engine}-{version}",
        engine=engine,
        engine_version=version,
        measured_from=min(record.date for record in usable),
        measured_to=max(record.date for record in usable),
        gpus=_distinct(gpu_name(record.gpu) for record in usable),
        models=_distinct(record.model for record in usable),
        records=len(usable),
        left_out=left_out,
        factors=problem.factors(best),
        intervals=_intervals(problem, usable, settings),
        held_out=rule,
        before=latency_errors(problem.log_errors(np.zeros(len(FACTORS)))),
        fitted=latency_errors(problem.log_errors(best)),
        after=latency_errors(held_out),
        source=", ".join(_distinct(record.source for record in usable if record.source)[:3]),
        measured=measured_rows(usable),
    )


def _one_engine(records: Sequence[LatencyRecord]) -> tuple[str, str]:
    engines = Counter((record.engine, record.engine_version) for record in records)
    if len(engines) != 1:
        listed = ", ".join(f"{engine} {version} ({count})" for (engine, version), count in engines.most_common(6))
        raise InputError(f"records: must be of one version of one engine, got {listed or 'none'}: choose one")
    return next(iter(engines))


def _usable(
    records: Sequence[LatencyRecord], model: ServingModel, least: int
) -> tuple[list[LatencyRecord], tuple[str, ...]]:
    """Records that the model predicts, and why it does not predict the others.

    Raises:
        InputError: There are fewer than the least, or a record names an unknown model or GPU.
    """
    usable, reasons = [], Counter[str]()
    for number, record in enumerate(records, 1):
        try:
            reason = model.refuses(record)
        except InputError as error:
            raise InputError(f"record {number}: {error}") from None
        if reason:
            reasons[reason.partition(":")[0]] += 1
        else:
            usable.append(record)
    left_out = tuple(f"{count} × {reason}" for reason, count in reasons.most_common())
    if len(usable) < least:
        why = "; ".join(left_out) or "no others given"
        raise InputError(f"records: must be at least {least} usable ones, got {len(usable)} ({why})")
    return usable, left_out


def _solve(problem: _Problem, rows: Rows, centre: Logs | None = None) -> Logs:
    """The factors that explain some of the records; ``centre`` is where the prior pulls to."""
    pull = np.zeros(len(FACTORS)) if centre is None else centre

    def residuals(logs: Logs) -> Float[np.ndarray, " residuals"]:
        tpot, ttft = problem.log_errors(logs)[:, rows]
        scatter = _robust(np.stack([tpot / TPOT_SD, ttft / TTFT_SD])) * np.sqrt(problem.weight[rows])
        return np.concatenate([scatter.ravel(), (logs - pull) / problem.spread])

    # Levenberg–Marquardt from the shipped factors: the prior makes the problem well posed and keeps it near them.
    return least_squares(residuals, np.zeros(len(FACTORS)), method="lm").x


def _robust(residual: Any) -> Any:
    """The residual whose square is 2(√(1 + r²) − 1)."""
    return np.sign(residual) * np.sqrt(2 * (np.sqrt(1 + residual**2) - 1))


def _held_out(
    problem: _Problem, records: Sequence[LatencyRecord]
) -> tuple[Float[np.ndarray, "latencies records"], str]:
    """Errors of each record by factors that were fitted without its group, and the rule in words."""
    groups, rule = _groups(records)
    folds = groups % min(groups.max() + 1, MOST_FOLDS)
    errors = np.empty((2, len(records)))
    for fold in range(folds.max() + 1):
        out = folds == fold
        errors[:, out] = problem.log_errors(_solve(problem, ~out))[:, out]
    return errors, rule


def _groups(records: Sequence[LatencyRecord]) -> tuple[Int[np.ndarray, " records"], str]:
    """The coarsest division into three groups or more: models, deployments, request shapes, single records."""
    keys: dict[str, Callable[[LatencyRecord], Any]] = {
        BY_MODEL: lambda record: record.model,
        "each deployment": _deployment,
        "each length of request": lambda record: (_deployment(record), record.input_tokens, record.output_tokens),
    }
    for group, key in keys.items():
        groups = _numbered([key(record) for record in records])
        if groups.max() + 1 >= LEAST_GROUPS:
            return groups, f"{group} left out in turn"
    return np.arange(len(records)) % MOST_FOLDS, "each tenth of the records left out in turn"


def _intervals(
    problem: _Problem, records: Sequence[LatencyRecord], settings: FitSettings
) -> dict[str, FactorInterval]:
    random = np.random.default_rng(settings.seed)
    groups = _numbered([_deployment(record) for record in records])
    if groups.max() + 1 < LEAST_GROUPS:
        groups = np.arange(len(records))
    members = [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]
    draws = []
    for _ in range(settings.resamples):
        rows = np.concatenate([members[group] for group in random.integers(len(members), size=len(members))])
        draws.append(_solve(problem, rows, problem.spread * random.standard_normal(len(FACTORS))))
    tail = (1 - settings.level) / 2
    ends = [problem.factors(logs) for logs in np.quantile(draws, [tail, 1 - tail], axis=0)]
    return {
        name: FactorInterval(low=getattr(ends[0], name), high=getattr(ends[1], name), level=settings.level)
        for name in FACTORS
    }


def _deployment(record: LatencyRecord) -> tuple[Any, ...]:
    layout = record.tp, record.ep, record.pp, record.dp
    return record.model, record.gpu, record.precision, record.kv_precision, layout


def _numbered(keys: Sequence[Any]) -> Int[np.ndarray, " records"]:
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys])


def _weights(records: Sequence[LatencyRecord]) -> Float[np.ndarray, " records"]:
    """Records of one deployment under one load count as one together."""
    loads = [
        (*_deployment(record), record.input_tokens, record.output_tokens, record.concurrency) for record in records
    ]
    times = Counter(loads)
    return np.array([1 / times[load] for load in loads])


def _distinct(names: Any) -> tuple[str, ...]:
    """Each name once, in order of appearance."""
    return tuple(dict.fromkeys(names))
