"""What is decided before a fit: coefficients that another law gives or the runs cannot tell, and the objective."""

from dataclasses import replace

from optimoe.laws.catalog import find_family, find_published_law
from optimoe.laws.fitting.setup.constants import hold_untold
from optimoe.laws.fitting.setup.objective import choose_objective
from optimoe.laws.fitting.setup.problem import FitOptions
from optimoe.laws.runs import Observations


def settle(observations: Observations, family: str, options: FitOptions) -> FitOptions:
    """Options for these runs: coefficients given or held, the objective chosen where it is ``Auto``.

    Coefficients that the family takes from a published law are fixed at its values, and those that the runs cannot
    tell are held.

    Raises:
        UnknownNameError: The runs lack a variable of the family, or a coefficient is none of it.
        ConfigError: The family cannot be put on these runs.
    """
    return choose_objective(observations, family, hold_untold(observations, family, take_given(family, options)))


def take_given(family: str, options: FitOptions) -> FitOptions:
    """The options, with coefficients fixed that the family takes from another law; starts, where they are freed.

    Raises:
        UnknownNameError: No such family.
    """
    form, free = find_family(family).fit_form, find_family(family).free
    if form is None or not form.given_by:
        return options
    given = {
        name: float(value)
        for name, value in find_published_law(form.given_by).row.coefficients.items()
        if name in free
    }
    stated = {*options.fixed, *options.starts, *options.bounds, *options.tied, *options.tied.values()}
    fixed = {name: value for name, value in given.items() if name not in stated}
    starts = {name: (value,) for name, value in given.items() if name not in fixed}
    return replace(options, fixed=fixed | options.fixed, starts=starts | options.starts)
