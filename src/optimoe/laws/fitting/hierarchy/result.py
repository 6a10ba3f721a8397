"""A law over several corpora as it comes out of a fit: shared, of each corpus, and what is known of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.laws.effects import SCALE, CorpusEffects
from optimoe.laws.evidence import Evidence, FitVerdict
from optimoe.laws.fitting.fit import (
    AGREE_REL,
    DISAGREE,
    EDGE_REL,
    LISTED_ROWS,
    SPARE_RUNS,
    VANISHED,
    conditioning,
    disagreement,
    verdict_of,
)
from optimoe.laws.fitting.hierarchy.model import GroupedModel
from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions, laplace_covariance, make_objective
from optimoe.laws.fitting.hierarchy.spread import CorpusSpread
from optimoe.laws.fitting.priors import GaussianPrior
from optimoe.laws.fitting.setup.problem import FitOptions
from optimoe.laws.fitting.setup.row import law_row, n_convention
from optimoe.laws.fitting.solve import Solutions
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations
from optimoe.laws.terms.sizes import UNSTATED


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
    spread: CorpusSpread
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
    spread: CorpusSpread,
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
        law=_law_row(groups, model, options, np.zeros(len(model.effects)), point, name, whole),
        corpora={},
        effects={group: _own_effects(model, point, group) for group in model.groups},
        residual_scale=dict(zip(model.groups, map(float, solutions.scale[best]), strict=True)),
        rmse_log=rmse,
        runs={group: len(runs) for group, runs in groups.items()},
        spread=spread,
        prior=model.prior,
        learned=_learned(model, covariance),
        verdict=verdict_of(
            bool(solutions.converged[best]), ill_conditioned, bool(at_bound), _too_few(model), False
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
    return _with_laws(found, groups)


def _with_laws(found: HierarchicalFit, groups: Mapping[str, Observations]) -> HierarchicalFit:
    """The same fit with the evidence on its law, and the laws of its corpora."""
    model, options, point = found.model, found.options, found.point
    evidence = _evidence(found, groups)
    law = replace(found.law, evidence=evidence, effects=found.corpus_effects if model.effects else None)
    corpora = {
        group: replace(
            _law_row(
                {group: groups[group]},
                model,
                options,
                point[model.own(group)],
                point,
                f"{law.name}-{group}",
                found.rmse_log[group],
            ),
            evidence=evidence,
        )
        for group in model.groups
    }
    return replace(found, law=law, corpora=corpora)


def _too_few(model: GroupedModel) -> bool:
    """Whether intervals would hold too seldom: few runs, and shared coordinates without a prior."""
    return model.spare < SPARE_RUNS and model.num_priors < model.num_free


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


def _law_row(
    groups: Mapping[str, Observations],
    model: GroupedModel,
    options: HierarchyOptions,
    effects: Float[np.ndarray, " effects"],
    point: Float[np.ndarray, " coordinates"],
    name: str,
    rmse: float,
) -> LawRow:
    """The law of a corpus with these effects, with ranges and domain of these runs."""
    counts = {n_convention(runs, model.family, options.n_convention)[0] for runs in groups.values()} - {UNSTATED}
    require(len(counts) < 2, "n_convention", "one for all corpora (state it)", ", ".join(sorted(counts)))
    stated = next(iter(counts), "") if getattr(model.family, "sizes", {}) else ""
    part = model.whole if len(groups) > 1 else model.parts[next(iter(groups))]
    coefficients = coefficients_at(model, point, effects)
    row = law_row(pooled(groups), part, FitOptions(n_convention=stated), coefficients, rmse, name)
    listed = ", ".join(f"{len(runs)} runs of {group}" for group, runs in groups.items())
    return replace(row, source=f"fitted to {listed}")


def pooled(groups: Mapping[str, Observations]) -> Observations:
    """The runs of all corpora under each other, with the variables that all have."""
    tables = list(groups.values())
    common = [name for name in tables[0].variables if all(name in table.variables for table in tables)]
    return Observations(
        variables={name: np.concatenate([table.variables[name] for table in tables]) for name in common},
        loss=np.concatenate([table.loss for table in tables]),
        source=", ".join(dict.fromkeys(table.source for table in tables)),
    )


def _evidence(fitted: HierarchicalFit, groups: Mapping[str, Observations]) -> Evidence:
    """What the law file says of the fit."""
    left_out = [(group, flag) for group, runs in groups.items() for flag in runs.flags if not flag.used]
    files = [file for runs in groups.values() for file in runs.files]
    return Evidence(
        verdict=fitted.verdict,
        at_bound=fitted.at_bound,
        weakest=fitted.weakest,
        condition=fitted.condition,
        objective=fitted.objective_name,
        objective_value=fitted.objective,
        runs=sum(fitted.runs.values()),
        excluded=dict(Counter(f"left out of {group}" for group, _ in left_out)),
        excluded_rows=tuple(f"{group} row {flag.row}: {flag.reason}" for group, flag in left_out[:LISTED_ROWS]),
        files=tuple(dict.fromkeys(files)),
    )
