"""A law over several corpora as it comes out of a fit: shared, of each corpus, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.laws.catalog import published_rows
from optimoe.laws.effects import SCALE, CorpusEffects
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting.fit import (
    AGREE_REL,
    DISAGREE,
    EDGE_REL,
    SPARE_RUNS,
    VANISHED,
    conditioning,
    disagreement,
    verdict_of,
)
from optimoe.laws.fitting.hierarchy.model import GroupedModel
from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions, laplace_covariance, make_objective
from optimoe.laws.fitting.hierarchy.spread import Spread
from optimoe.laws.fitting.priors import GaussianPrior
from optimoe.laws.fitting.solve import Solutions
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations


@dataclass(frozen=True, kw_only=True)
class HierarchicalFit:
    """A law over several corpora with what is known about it.

    Attributes:
        law: The shared law: that of a corpus with no effects of its own.
        corpora: By name, each one's own law, plain coefficients of the family.
        effects: By corpus, its own coefficients: ``scale`` as a factor, others as a difference of coordinates.
        residual_scale: By corpus, the Student-t scale of its residuals of ln L.
        rmse_log: By corpus, the root mean square of ln L_law − ln L_run.
        runs: By corpus, how many.
        spread: Covariance of the effects over corpora.
        prior: Of shared coefficients.
        learned: By shared coefficient with a prior: standard deviation after the runs over that before; near 1,
            the runs said nothing.
        verdict: As of a plain fit; priors and spread count as information.
        at_bound: Which coefficients.
        condition: Of the Jacobian of everything minimised, rows in standard deviations, columns of unit length.
        weakest: The coordinates that move most along the direction that is determined least.
        objective_name: What was minimised.
        objective: Its value.
        starts: How many were fitted.
        agree: How many ended at the best objective.
        converged_starts: How many converged at all.
        covariance: Of all coordinates at the minimum (Laplace).
        point: The coordinates at the minimum.
        model: The family on these runs.
        options: How it was fitted.
    """

    law: LawRow
    corpora: dict[str, LawRow]
    effects: dict[str, dict[str, float]]
    residual_scale: dict[str, float]
    rmse_log: dict[str, float]
    runs: dict[str, int]
    spread: Spread
    prior: GaussianPrior | None
    learned: dict[str, float]
    verdict: FitVerdict
    at_bound: tuple[str, ...]
    condition: float
    weakest: tuple[str, ...]
    objective_name: str
    objective: float
    starts: int
    agree: int
    converged_starts: int
    covariance: Float[np.ndarray, "coordinates coordinates"]
    point: Float[np.ndarray, " coordinates"]
    model: GroupedModel
    options: HierarchyOptions

    def __repr__(self) -> str:
        """The law, the verdict and the corpora in one line."""
        sizes = ", ".join(f"{name} {runs}" for name, runs in self.runs.items())
        agree = f"{self.agree} of {self.starts} starts agree"
        return f"HierarchicalFit({self.law.name}, {self.verdict}, {sizes}, {agree})"

    @property
    def corpus_effects(self) -> CorpusEffects:
        """What a corpus without runs may differ by, as a law file holds it."""
        scale = float(np.median(list(self.residual_scale.values())))
        return self.spread.as_effects(scale, self.options.degrees, tuple(self.runs))

    @property
    def coefficients(self) -> dict[str, float]:
        """The shared law's coefficients by symbol."""
        return self.law.coefficients


def describe(
    groups: Mapping[str, Observations],
    model: GroupedModel,
    options: HierarchyOptions,
    spread: Spread,
    solutions: Solutions,
    name: str,
) -> HierarchicalFit:
    """The best of the solutions with its verdict, the laws of each corpus and what the runs taught."""
    best = int(np.argmin(solutions.value))
    point, value = solutions.points[best], float(solutions.value[best])
    covariance, rows = laplace_covariance(model, options, point, solutions.scale[best])
    condition, weakest = conditioning(model, point, rows)
    agreeing = solutions.value <= value + AGREE_REL * abs(value)
    apart = disagreement(solutions.points[agreeing], point)
    ill_conditioned = condition > options.max_condition or bool((apart > DISAGREE).any())
    at_bound = _at_bound(model, point)
    residual = model.predict(point[None])[0][0, : model.num_runs] - model.log_loss
    rmse = {
        group: float(np.sqrt(np.mean(residual[model.group == number] ** 2)))
        for number, group in enumerate(model.groups)
    }
    whole = float(np.sqrt(np.mean(residual**2)))
    found = HierarchicalFit(
        law=_law_row(groups, model, name, rmse=whole),
        corpora={},
        effects={group: _own_effects(model, point, group) for group in model.groups},
        residual_scale=dict(zip(model.groups, map(float, solutions.scale[best]), strict=True)),
        rmse_log=rmse,
        runs={group: len(runs) for group, runs in groups.items()},
        spread=spread,
        prior=model.prior,
        learned=_learned(model, covariance),
        verdict=verdict_of(
            bool(solutions.converged[best]), ill_conditioned, bool(at_bound), model.spare < SPARE_RUNS, False
        ),
        at_bound=at_bound,
        condition=condition,
        weakest=weakest,
        objective_name=make_objective(model, options).name,
        objective=value,
        starts=len(solutions.points),
        agree=int(agreeing.sum()),
        converged_starts=int(solutions.converged.sum()),
        covariance=covariance,
        point=point,
        model=model,
        options=options,
    )
    shared = np.zeros(len(model.effects))
    law = replace(found.law, coefficients=coefficients_at(model, point, shared))
    corpora = {
        group: replace(
            _law_row({group: groups[group]}, model, f"{law.name}-{group}", rmse=rmse[group]),
            coefficients=coefficients_at(model, point, point[model.own(group)]),
        )
        for group in model.groups
    }
    return replace(found, law=law, corpora=corpora)


def coefficients_at(
    model: GroupedModel, point: Float[np.ndarray, " coordinates"], effects: Float[np.ndarray, " effects"]
) -> dict[str, float]:
    """Plain coefficients of a corpus with these effects."""
    values = model.coefficients_of(point[None, : model.shared], effects[None])
    return {name: float(value[0]) for name, value in values.items()}


def _own_effects(model: GroupedModel, point: np.ndarray, group: str) -> dict[str, float]:
    values = zip(model.effects, point[model.own(group)], strict=True)
    return {name: float(np.exp(value) if name == SCALE else value) for name, value in values}


def _learned(model: GroupedModel, covariance: np.ndarray) -> dict[str, float]:
    if model.prior is None:
        return {}
    error = np.sqrt(np.diag(covariance))
    return {name: float(error[model.names.index(name)] / model.prior.std(name)) for name in model.prior.names}


def _at_bound(model: GroupedModel, point: np.ndarray) -> tuple[str, ...]:
    """Coordinates at a limit, and positive linear coefficients whose term is nowhere above 1e-4 of the loss."""
    edge = EDGE_REL * (1 + np.abs(point))
    limit = (model.low < model.high) & ((point <= model.low + edge) | (point >= model.high - edge))
    slope = np.abs(model.predict(point[None])[1][0, :, : model.num_runs]).max(axis=1)
    vanished = np.array([name in model.positive_terms for name in model.names]) & (slope < VANISHED)
    return tuple(name for name, hit in zip(model.names, limit | vanished, strict=True) if hit)


def _law_row(groups: Mapping[str, Observations], model: GroupedModel, name: str, *, rmse: float) -> LawRow:
    published = next(iter(published_rows(model.family.family)), None)
    files = ", ".join(f"{len(runs)} runs of {group}" for group, runs in groups.items())
    columns = [model.parts[group].variables for group in groups]
    symbols = dict.fromkeys(symbol for variables in columns for symbol in variables)
    return LawRow(
        name=name or f"{model.family.family.rpartition(':')[2]}-fit",
        family=model.family.family,
        source=f"fitted to {files}",
        status="fitted",
        n_convention=published.n_convention if published else "as in the runs",
        log_base=published.log_base if published else "none",
        coefficients={},
        units=dict(published.units) if published else {},
        range={
            symbol: (
                float(min(variables[symbol].min() for variables in columns if symbol in variables)),
                float(max(variables[symbol].max() for variables in columns if symbol in variables)),
            )
            for symbol in symbols
        },
        rmse_log=rmse,
        rmse_source="residuals of the fit",
    )
