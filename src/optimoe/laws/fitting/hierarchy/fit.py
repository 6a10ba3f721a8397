"""A law over several corpora: shared coefficients, and what each corpus has of its own."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.laws.catalog import find_family
from optimoe.laws.effects import SCALE, CorpusEffects
from optimoe.laws.fitting.hierarchy.model import GroupedModel
from optimoe.laws.fitting.hierarchy.problem import (
    HierarchyOptions,
    laplace_covariance,
    make_grouped_model,
    solve_grouped,
)
from optimoe.laws.fitting.hierarchy.result import HierarchicalFit, describe
from optimoe.laws.fitting.hierarchy.spread import CorpusSpread, assumed_spread, known_spread
from optimoe.laws.fitting.model import UNBOUNDED, find_form, logarithmic
from optimoe.laws.fitting.priors import GaussianPrior, independent_prior
from optimoe.laws.fitting.solve import Points
from optimoe.laws.runs import Observations

EM_CHANGE = 1e-3
"""Relative change of a spread at which its estimation stops: five corpora give it to a third."""
EM_ROUNDS = 40
"""Each shrinks what is left by about half; a spread that goes to zero does so slowly, and harmlessly."""


def fit_hierarchy(
    groups: Mapping[str, Observations],
    family: str,
    *,
    per_group: tuple[str, ...] | None = None,
    shared: tuple[str, ...] = (),
    priors: GaussianPrior | Mapping[str, tuple[float, float]] | None = None,
    spread: Mapping[str, float] | CorpusEffects | None = None,
    options: HierarchyOptions | None = None,
    name: str = "",
) -> HierarchicalFit:
    """Fit one law to the runs of several corpora, with random effects of each corpus.

    L = s_g·L_family(θ + u_g) with residuals of ln L Student-t of a scale σ_g, (u_g, ln s_g) ~ N(0, Σ) and a normal
    prior of θ; the most probable point. Σ is the mean of its inverse-Wishart posterior, by EM: the effects' second
    moments come from the curvature at the minimum (Laplace).

    Args:
        groups: The runs of each corpus, variables called as in the family.
        family: Its name, a law of it, or ``my_law.py:MyLaw``.
        per_group: Coefficients of which each corpus has its own; ``scale`` multiplies the whole loss. Left out,
            the family's floor (a linear coefficient that may be zero) and the scale.
        shared: Coefficients that are common to all: every other one; those named are checked.
        priors: Of shared coefficients: a prior, or a mean and standard deviation of each.
        spread: Standard deviations of effects that are stated, not estimated; or all that a law knows of them.
        options: Starts, bounds, residuals.
        name: Of the law that comes out.

    Raises:
        ConfigError: A variable is missing, fewer runs than shared coefficients, or no start can be evaluated.
        UnknownNameError: A coefficient that the family does not have.
    """
    options = options or HierarchyOptions()
    per_group = usual_effects(family) if per_group is None else per_group
    prior = priors if isinstance(priors, GaussianPrior) else None
    if isinstance(priors, Mapping) and priors:
        prior = independent_prior(family, priors)
    model = make_grouped_model(groups, family, per_group, options, prior)
    _require_shared(model, shared, per_group)
    informed = model.num_runs + model.num_priors
    require(model.spare > 0, "observations", f"more than {informed - model.spare} runs and priors", informed)
    starts = model.starts(options.num_starts)
    model.require_scalable(starts[0])
    middle = model.whole.coefficients(starts[0, : model.shared])
    sizes = {coefficient: float(value) for coefficient, value in middle.items()}
    if isinstance(spread, CorpusEffects):
        require(spread.names == per_group, "spread: effects", f"those of each corpus, {per_group}", spread.names)
        assumed = known_spread(spread)
    else:
        assumed = assumed_spread(per_group, sizes, logarithmic(family), spread or {})
    model, found_spread, point = _estimate_spread(model, options, assumed, starts)
    solutions = solve_grouped(model, options, np.vstack([point[None], starts]))
    return describe(groups, model, options, found_spread, solutions, name)


def usual_effects(family: str) -> tuple[str, ...]:
    """The floor of a family, a linear coefficient that may be zero, and the scale."""
    law_class = find_family(family)
    bounds = find_form(law_class).bounds
    floors = [name for name in law_class.linear if bounds.get(name, UNBOUNDED)[0] == 0]
    return (*floors[:1], SCALE)


def _require_shared(model: GroupedModel, shared: tuple[str, ...], per_group: tuple[str, ...]) -> None:
    for name in shared:
        if name not in model.whole.names:
            raise UnknownNameError("shared: coefficient", name, model.whole.names)
        require(name not in per_group, f"shared: {name}", "shared or of each corpus, not both", name)


def _estimate_spread(
    model: GroupedModel, options: HierarchyOptions, spread: CorpusSpread, starts: Points
) -> tuple[GroupedModel, CorpusSpread, Float[np.ndarray, " coordinates"]]:
    """Alternate between the most probable point and the spread of the effects there."""
    for _ in range(EM_ROUNDS):
        model = model.with_spread(spread)
        solutions = solve_grouped(model, options, starts)
        best = int(np.argmin(solutions.value))
        if not np.isfinite(solutions.value[best]):
            raise ConfigError(f"family {model.family.family}: cannot be evaluated at any of {len(starts)} starts")
        starts = solutions.points[best : best + 1]
        covariance = laplace_covariance(model, options, starts[0], solutions.scale[best])[0]
        moments = np.zeros((len(model.effects), len(model.effects)))
        for group in model.groups:
            own = model.own(group)
            moments += covariance[own, own] + np.outer(starts[0, own], starts[0, own])
        better = spread.updated(moments, len(model.groups))
        change = np.abs(better.covariance - spread.covariance).max(initial=0.0)
        done = change <= EM_CHANGE * np.abs(spread.covariance).max(initial=1e-300)
        spread = better
        if done:
            break
    return model.with_spread(spread), spread, starts[0]
