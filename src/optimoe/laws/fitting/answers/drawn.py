"""A law at its coefficients and at every one of its draws, in one evaluation."""

from dataclasses import replace

import numpy as np

from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_family, find_law
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.gradients import FittableLaw
from optimoe.laws.law import LawRow
from optimoe.laws.loss_law import ArchLaw, LossLaw


def with_draws(law: LawRow) -> FittableLaw:
    """The law with coefficients of shape (1 + draws, 1): its own first; those that have no draws stay numbers."""
    columns = {
        name: np.concatenate([[value], law.draws[name]])[:, None] if law.draws.get(name) else value
        for name, value in law.coefficients.items()
    }
    return find_family(law.family)(law.with_coefficients(columns))


def drawn_law(name: str, draws: int, seed: int = 0) -> LawRow:
    """A law by name or file with its own draws, with those that its stated scatter and range allow, or with none.

    Args:
        name: Of the library, or a law file.
        draws: How many; 0 leaves a law without draws as it is.
        seed: Of the draws.

    Raises:
        UnknownNameError: No such law; lists the nearest.
        InputError: It cannot be right as printed, or has no published coefficients.
    """
    law = find_law(name)
    law.require_consistent()
    if isinstance(law, ArchLaw):
        law.require_usable()
    if law.row.draws or not draws or not isinstance(law, LossLaw):
        return law.row
    try:
        many = law_draws(law, draws, seed=seed).row.coefficients
    except InputError:  # no scatter or no range is stated, or the family cannot be fitted
        return law.row
    columns = {key: tuple(np.ravel(value).tolist()) for key, value in many.items() if np.size(value) > 1}
    return replace(law.row, draws=columns)
