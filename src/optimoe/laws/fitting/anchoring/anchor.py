"""A law's level from one's own runs: its scale from one run upwards, its floor from runs that differ."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from optimoe.core.errors import require
from optimoe.laws.catalog.limits import possible_draws
from optimoe.laws.effects import SCALE
from optimoe.laws.evidence import Evidence
from optimoe.laws.fitting.anchoring.knowledge import Knowledge, knowledge_of, with_runs
from optimoe.laws.fitting.hierarchy.condition import Conditioned, condition_on
from optimoe.laws.fitting.hierarchy.result import coefficients_at
from optimoe.laws.law import Law, LawRow
from optimoe.laws.runs import Observations

APART = 2.0
"""Runs whose losses differ by less than so many residual scales are runs of one size: they tell a level only."""
IDENTIFIED = 0.5
"""An effect is identified when the runs halve what was not known of it (assumed: the word needs some line)."""
MORE_RUNS = (1, 2, 4, 8, 16, 32)
"""Numbers of further runs that are tried for the one that would identify an effect."""
REACH = 10.0
"""Size and tokens of the largest of those runs, relative to the largest run at hand: 100 times the compute."""


@dataclass(frozen=True, kw_only=True)
class MovedEffect:
    """One way in which the runs' corpus differs from the law.

    Attributes:
        name: ``scale``, or a coefficient.
        value: The scale as a factor, others as a difference in the coordinates of a fit.
        std: Standard deviation after the runs, of ln scale or that coordinate.
        prior_std: Before them.
        free: Whether the runs could move it at all.
    """

    name: str
    value: float
    std: float
    prior_std: float
    free: bool

    @property
    def identified(self) -> bool:
        """Whether the runs halved what was not known of it."""
        return self.free and self.std <= IDENTIFIED * self.prior_std


@dataclass(frozen=True, kw_only=True)
class Anchored:
    """A law on the level of one's own runs.

    Attributes:
        law: With draws where the law had any; its notes say what the runs changed.
        effects: Scale and floor, before and after.
        basis: Where draws and spread come from.
        runs: How many there were.
        residual_scale: Of ln L around the anchored law, Student-t.
        rmse_log: Of the runs themselves; a single run is always met.
        more_runs: Further runs, each larger up to ten times the size and tokens, that would identify the floor;
            zero where it is identified or not asked about; −1 where 32 would not.
    """

    law: LawRow
    effects: tuple[MovedEffect, ...]
    basis: str
    runs: int
    residual_scale: float
    rmse_log: float
    more_runs: int

    @property
    def statement(self) -> str:
        """What the runs changed, in one line."""
        words = [_words(effect) for effect in self.effects]
        if self.more_runs:
            count = (
                f"{self.more_runs} larger run{'s' * (self.more_runs > 1)}" if self.more_runs > 0 else "no 32 runs"
            )
            words.append(f"{count} more, up to {REACH:g} times the size and tokens, would identify the offset")
        runs = f"{self.runs} run{'s' * (self.runs != 1)}"
        return f"{runs}: {'; '.join(words)}"


def _words(effect: MovedEffect) -> str:
    what = "scale" if effect.name == SCALE else f"offset of {effect.name}"
    middle, unit = (1.0, ".3f") if effect.name == SCALE else (0.0, "+.3f")
    prior = f"prior {middle:g} ± {effect.prior_std:.2g}"
    if not effect.free:
        return f"{what} not identified by runs of one size ({prior})"
    said = f"{what} {effect.value:{unit}} ± {effect.std:.2g} ({prior})"
    return said if effect.identified else f"{said}, not identified"


def anchor(law: Law, observations: Observations, *, draws: int = 200, name: str = "", seed: int = 0) -> Anchored:
    """Move a law to the level of a corpus, draw by draw, and hold the rest of it.

    For every draw of the law: the most probable scale (and floor) of the corpus given its runs, residuals
    Student-t, the spread between corpora as prior. Prior and residuals are drawn anew for each (randomise,
    then optimise), so that the draws are as wide as what the runs leave open. The floor moves only where runs
    differ by more than residuals do; runs of one size leave it at the law's, its spread in the draws.

    Args:
        law: A law of the library, or of a file; one with draws and effects knows how sure it is.
        observations: One's own runs, one at least.
        draws: How many to make where the law has none.
        name: Of the law that comes out.
        seed: Of what is drawn.

    Raises:
        ConfigError: The law's family cannot be fitted, or its loss has no scale.
        UnknownNameError: The runs lack a variable of the law.
    """
    known = knowledge_of(law, draws=draws, seed=seed)
    row, random = law.row, np.random.default_rng(seed)
    asked = condition_on(observations, row.family, known.effects)
    model, runs = asked.model, len(observations)
    shared = model.whole.coordinates({key: float(row.coefficients[key]) for key in model.whole.names})
    model.require_scalable(np.concatenate([shared, np.zeros(len(known.effects.names))]))
    free = _movable(asked, shared)
    zeros = np.zeros((1, len(free)))
    best = asked.solve(shared[None], zeros, free, weights=np.ones((1, runs)), noise=np.zeros((1, runs)))
    point, scale = best.points[0], asked.residual_scale(best, np.ones((1, runs)), free)[0]
    effects = _moved(asked, point, scale, free)
    residual = model.predict(point[None])[0][0, :runs] - model.log_loss
    found = Anchored(
        law=row,
        effects=effects,
        basis=known.basis,
        runs=runs,
        residual_scale=float(scale[0]),
        rmse_log=float(np.sqrt(np.mean(residual**2))),
        more_runs=_more_runs(asked, point, scale, effects),
    )
    return replace(found, law=_law_row(found, known, asked, point, free, observations, name, random))


def _movable(asked: Conditioned, shared: Float[np.ndarray, " shared"]) -> Bool[np.ndarray, " effects"]:
    """The scale always; other effects where the law's losses at the runs differ by more than residuals do."""
    predicted = asked.model.whole.predict(shared[None])[0][0]
    apart = bool(np.ptp(predicted) > APART * asked.effects.residual_scale)
    names = asked.effects.names
    # an effect without a scale beside it takes the level
    return np.array([name == SCALE or apart or SCALE not in names for name in names], dtype=bool)


def _moved(
    asked: Conditioned, point: np.ndarray, scale: np.ndarray, free: Bool[np.ndarray, " effects"]
) -> tuple[MovedEffect, ...]:
    std = asked.errors(point, scale, free)
    values = point[asked.model.shared :]
    return tuple(
        MovedEffect(
            name=name,
            value=float(np.exp(values[row]) if name == SCALE else values[row]),
            std=float(std[row]),
            prior_std=asked.effects.std(name),
            free=bool(free[row]),
        )
        for row, name in enumerate(asked.effects.names)
    )


def _more_runs(asked: Conditioned, point: np.ndarray, scale: np.ndarray, effects: tuple[MovedEffect, ...]) -> int:
    """Further runs that would identify the first effect that is not; zero where all are."""
    open_effects = [row for row, effect in enumerate(effects) if not effect.identified and effect.name != SCALE]
    if not open_effects:
        return 0
    variables = asked.model.whole.variables
    largest = int(np.argmin(asked.model.log_loss))
    for count in MORE_RUNS:
        growth = REACH ** (np.arange(1, count + 1) / count)
        further = {
            symbol: column[largest] * (growth if symbol[0] in "ND" else np.ones(count))
            for symbol, column in variables.items()
        }
        std = asked.errors(point, scale, np.ones(len(effects), dtype=bool), further=further)
        if std[open_effects[0]] <= IDENTIFIED * effects[open_effects[0]].prior_std:
            return count
    return -1


def _law_row(
    found: Anchored,
    known: Knowledge,
    asked: Conditioned,
    point: np.ndarray,
    free: np.ndarray,
    observations: Observations,
    name: str,
    random: np.random.Generator,
) -> LawRow:
    model, row = asked.model, known.law.row
    coefficients = dict(row.coefficients) | coefficients_at(model, point, point[model.shared :])
    draws = _draws(known, asked, free, random)
    kept = np.flatnonzero(possible_draws(row, draws)) if draws else ()
    vary = [key for key, values in draws.items() if len(kept) > 1 and np.ptp(values[kept]) > 0]
    require(np.isfinite(list(coefficients.values())).all(), f"law {row.name}", "finite after anchoring", name)
    note = f"Anchored on {found.statement}."
    seen = known.law.placed_inputs(model.whole.variables)
    return replace(
        row,
        name=name or f"{row.name}-anchored",
        status="fitted",
        source=f"{row.name} ({row.source}), anchored on {len(observations)} runs of {observations.source}",
        coefficients=coefficients,
        draws={key: tuple(map(float, draws[key][kept])) for key in vary},
        rmse_log=row.rmse_log or found.residual_scale,
        rmse_source=row.rmse_source if row.rmse_log else "residuals of the anchoring runs and their prior",
        notes=f"{note} {row.notes}".strip(),
        range=with_runs(row.range, {name: (float(v.min()), float(v.max())) for name, v in seen.items()}),
        better_digits="",
        effects=None,
        evidence=Evidence(
            verdict=row.evidence.verdict,
            at_bound=row.evidence.at_bound,
            weakest=row.evidence.weakest,
            condition=row.evidence.condition,
            objective=f"student-t(degrees={asked.effects.degrees:g}) on ln L, the law as prior",
            runs=len(observations),
            files=observations.files,
            cluster="law, corpus and row" if vary else "",
            prior=row.name,
        ),
    )


def _draws(
    known: Knowledge, asked: Conditioned, free: np.ndarray, random: np.random.Generator
) -> dict[str, Float[np.ndarray, " draws"]]:
    """Coefficients of the corpus, one value a draw."""
    model, columns = asked.model, known.columns()
    shared = model.whole.coordinates({key: columns[key] for key in model.whole.names})
    count, runs = len(shared), model.num_runs
    expected = random.multivariate_normal(np.zeros(len(free)), asked.effects.matrix(), count)
    noise = asked.effects.residual_scale * random.standard_t(asked.effects.degrees, (count, runs))
    found = asked.solve(shared, expected, free, weights=np.ones((count, runs)), noise=noise)
    return model.coefficients_of(found.points[:, : model.shared], found.points[:, model.shared :])
