"""A law at its coefficients and at every one of its draws, in one evaluation."""

import numpy as np

from optimoe.laws.catalog import find_family
from optimoe.laws.gradients import FittableLaw
from optimoe.laws.law import LawRow


def with_draws(law: LawRow) -> FittableLaw:
    """The law with coefficients of shape (1 + draws, 1): its own first; those that have no draws stay numbers."""
    columns = {
        name: np.concatenate([[value], law.draws[name]])[:, None] if law.draws.get(name) else value
        for name, value in law.coefficients.items()
    }
    return find_family(law.family)(law.with_coefficients(columns))
