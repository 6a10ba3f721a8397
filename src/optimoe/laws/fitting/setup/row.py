"""The row that a fit writes: coefficients with units and range, what its N counts, what it was fitted on."""

from collections.abc import Mapping

from optimoe.core.errors import require_choice
from optimoe.laws.catalog import find_published_law, published_rows
from optimoe.laws.domain import domain_of_runs
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.setup.problem import FitOptions, Held
from optimoe.laws.gradients import FittableClass
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations
from optimoe.laws.terms.sizes import SIZES, UNSTATED, convention_of

SIZE_SYMBOLS = ("N", "N_act", "N1")
"""What families call the size that ``n_convention`` is about."""


def law_row(
    observations: Observations,
    model: Model,
    options: FitOptions,
    coefficients: Mapping[str, float],
    rmse: float,
    name: str,
) -> LawRow:
    """A fitted law without its evidence.

    Raises:
        UnknownNameError: N counts what the family cannot count; lists what it can.
    """
    published = next(iter(published_rows(model.family.family)), None)
    counts, _ = n_convention(observations, model.family, options.n_convention)
    units = dict(published.units) if published else {}
    if published and counts != published.n_convention:  # the paper's unit is that of its own N
        units |= {symbol: f"parameters, {counts.replace('_', ' ')}" for symbol in SIZE_SYMBOLS if symbol in units}
    return LawRow(
        name=name or f"{model.family.family.rpartition(':')[2]}-fit",
        family=model.family.family,
        source=f"fitted to {len(observations)} runs of {observations.source}",
        status="fitted",
        n_convention=counts,
        log_base=published.log_base if published else "none",
        coefficients=dict(coefficients),
        units=units,
        # a share that is zero in all runs has no decades: its range is unknown
        range={
            symbol: (float(column.min()), float(column.max()))
            for symbol, column in model.variables.items()
            if column.any()
        },
        domain=domain_of_runs(observations),
        rmse_log=rmse,
        rmse_source="residuals of the fit",
        notes="; ".join((*_given(model.family, options), *map(_held, options.held))),
    )


def taken_from_elsewhere(family: FittableClass, fixed: Mapping[str, float]) -> dict[str, str]:
    """Coefficients that a fit did not touch because another law gives them, by name, and which law that is."""
    law = family.fit_form.given_by if family.fit_form else ""
    theirs = find_published_law(law).row.coefficients if law else {}
    return {name: law for name, value in theirs.items() if fixed.get(name) == value}


def _given(family: FittableClass, options: FitOptions) -> list[str]:
    """The same in words; none where no coefficient is."""
    same = taken_from_elsewhere(family, options.fixed)
    law = next(iter(same.values()), "")
    return [f"{', '.join(same)}: those of {law}, not fitted (a start or a limit frees one)"] if same else []


def _held(held: Held) -> str:
    return f"{held.coefficient} is held at {held.value:g}, not fitted: {held.reason}"


def n_convention(observations: Observations, family: FittableClass, stated: str) -> tuple[str, str]:
    """What N counts in these runs, and how that is known.

    As stated; else as the name of its column says (``n_active``); else as the family's own paper counts, where
    that is part of its equation; else it is not known, and the law is refused where a design is planned.

    Raises:
        UnknownNameError: The family cannot count so; lists how it can.
    """
    sizes = getattr(family, "sizes", {})
    if stated:
        require_choice(stated, "n_convention", sizes or SIZES)
        return stated, "stated"
    if not sizes:
        return "as in the runs", "the family counts by itself"
    symbol = next((name for name in SIZE_SYMBOLS if name in observations.variables), "")
    column = observations.formulas.get(symbol, symbol)
    said = convention_of(column)
    if column == "N" and "N_act" in observations.variables:  # as a trainer's records have them
        said = "total"
    if said in sizes:
        return said, f"the column {column}"
    own = getattr(family, "own_size", "")
    return (own, f"the definition of {family.family}") if own else (UNSTATED, "")
