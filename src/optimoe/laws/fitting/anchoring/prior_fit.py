"""A family fitted to one's own runs with a law as prior: all coefficients move as far as the runs insist."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.laws.catalog import find_family
from optimoe.laws.catalog.limits import possible_draws
from optimoe.laws.fitting.anchoring.knowledge import knowledge_of, with_runs
from optimoe.laws.fitting.hierarchy.condition import RESIDUAL_RUNS
from optimoe.laws.fitting.hierarchy.draws import HierarchyDraws, draw_hierarchy
from optimoe.laws.fitting.hierarchy.fit import fit_hierarchy
from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions
from optimoe.laws.fitting.hierarchy.result import HierarchicalFit
from optimoe.laws.fitting.priors import GaussianPrior
from optimoe.laws.law import Law, LawRow
from optimoe.laws.runs import Observations

OWN = "runs"
"""The corpus of one's own runs."""


@dataclass(frozen=True, kw_only=True)
class PriorFit:
    """One's own law with another as prior.

    Attributes:
        law: With draws.
        fitted: The fit; ``learned`` says by coefficient what share of the prior's uncertainty is left.
        drawn: Its draws.
        basis: Where the prior comes from.
    """

    law: LawRow
    fitted: HierarchicalFit
    drawn: HierarchyDraws
    basis: str

    @property
    def coefficients(self) -> dict[str, Float[np.ndarray, " draws"]]:
        """Coefficients for one's own corpus, one value a draw."""
        return self.drawn.coefficients(OWN)


def fit_with_prior(
    observations: Observations,
    law: Law,
    *,
    family: str = "",
    draws: int = 200,
    cluster: str = "",
    name: str = "",
    seed: int = 0,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    fixed: Mapping[str, float] | None = None,
) -> PriorFit:
    """The most probable coefficients of a corpus given its runs, a law's draws and the spread between corpora.

    The prior is a normal distribution of the coefficients in the coordinates of the fit, residuals are Student-t:
    a likelihood beside a prior, with no weight between them to choose. One run is enough. Coefficients that do
    not vary over the law's draws are held.

    Args:
        observations: One's own runs.
        law: The prior.
        family: To fit; that of the law, which it must be.
        draws: Refits for the band.
        cluster: A label whose rows are drawn together.
        name: Of the law that comes out.
        seed: Of the draws.
        bounds: Limits by coefficient.
        fixed: Coefficients that are given.

    Raises:
        ConfigError: The law is of another family, or the runs lack a variable.
        InputError: Nothing says how sure the law is.
    """
    row = law.row
    require(family in ("", row.family), "family", f"that of the prior, {row.family}", family)
    known = knowledge_of(law, draws=draws, seed=seed)
    prior = known.prior()
    held = {key: float(row.coefficients[key]) for key in law.free if key not in prior.names} | dict(fixed or {})
    prior = _without(prior, held)
    how: dict[str, Any] = {"residual_scale": known.effects.residual_scale, "residual_runs": RESIDUAL_RUNS}
    options = HierarchyOptions(fixed=held, bounds=dict(bounds or {}), n_convention=_convention(row), **how)
    fitted = fit_hierarchy(
        {OWN: observations},
        row.family,
        per_group=known.effects.names,
        priors=prior,
        spread=known.effects,
        options=options,
        name=name or f"{row.family}-fit",
    )
    drawn = draw_hierarchy({OWN: observations}, fitted, draws=draws, cluster=cluster, seed=seed)
    found = PriorFit(law=fitted.law, fitted=fitted, drawn=drawn, basis=known.basis)
    return replace(found, law=_law_row(found, law, observations))


def _without(prior: GaussianPrior, held: Mapping[str, float]) -> GaussianPrior:
    """The prior of the coefficients that are not held."""
    rows = [row for row, name in enumerate(prior.names) if name not in held]
    if len(rows) == len(prior.names):
        return prior
    return replace(
        prior,
        names=tuple(prior.names[row] for row in rows),
        mean=tuple(prior.mean[row] for row in rows),
        covariance=tuple(tuple(prior.covariance[row][column] for column in rows) for row in rows),
        logs=tuple(name for name in prior.logs if name not in held),
    )


def _convention(row: LawRow) -> str:
    """What N counts is what the prior's N counts, where a family can count in several ways."""
    return row.n_convention if row.n_convention in getattr(find_family(row.family), "sizes", {}) else ""


def _law_row(found: PriorFit, law: Law, observations: Observations) -> LawRow:
    own, columns = found.fitted.corpora[OWN], found.coefficients
    kept = np.flatnonzero(possible_draws(own, columns))
    vary = [key for key, values in columns.items() if len(kept) > 1 and np.ptp(values[kept]) > 0]
    return replace(
        own,
        name=found.fitted.law.name,
        source=f"fitted to {len(observations)} runs of {observations.source}, {law.row.name} as prior",
        draws={key: tuple(map(float, columns[key][kept])) for key in vary},
        factors=law.row.factors,
        domain=law.row.domain,
        range=with_runs(law.row.range, own.range) or own.range,
        notes=f"Prior: {found.basis}.",
        evidence=replace(own.evidence, cluster=found.drawn.cluster if vary else "", prior=law.row.name),
    )
