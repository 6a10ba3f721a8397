"""What the runs themselves decide before a fit: which coefficients they can tell, and by which objective."""

from optimoe.laws.fitting.setup.constants import hold_untold
from optimoe.laws.fitting.setup.objective import choose_objective
from optimoe.laws.fitting.setup.problem import FitOptions
from optimoe.laws.runs import Observations


def settle(observations: Observations, family: str, options: FitOptions) -> FitOptions:
    """Options for these runs: coefficients held that they cannot tell, the objective chosen where it is ``Auto``.

    Raises:
        UnknownNameError: The runs lack a variable of the family, or a coefficient is none of it.
        ConfigError: The family cannot be put on these runs.
    """
    return choose_objective(observations, family, hold_untold(observations, family, options))
