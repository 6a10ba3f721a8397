"""The saturated expert count, shared by several laws."""

from optimoe.core.arrays import Values

SATURATION_BOUNDS = {"E_start": (1e-3, 1e3), "E_max": (1.0, 1e5)}
"""Where fits look for the two constants."""


def saturated_experts(E: Values, E_start: Values, E_max: Values) -> Values:
    """Ê: 1/Ê = 1/(E − 1 + (1/E_start − 1/E_max)^−1) + 1/E_max, so that Ê(1) = E_start and Ê(∞) = E_max.

    Clark 2022 (arXiv 2202.01169), eq. 6; also of Yun 2024 and Ludziejewski 2025. With u = 1/E_start − 1/E_max
    the first term is u/((E − 1)·u + 1), which also holds for E_start = E_max.
    """
    rest = 1 / E_start - 1 / E_max
    return 1 / (rest / ((E - 1) * rest + 1) + 1 / E_max)


def saturated_experts_gradient(E: Values, E_start: Values, E_max: Values) -> tuple[Values, Values]:
    """(dÊ/dE_start, dÊ/dE_max).

    With w = (E − 1)·u + 1: dÊ/dE_start = (Ê/(w·E_start))², dÊ/dE_max = (Ê/E_max)²·(1 − 1/w²).
    """
    effect = saturated_experts(E, E_start, E_max)
    weight = (E - 1) * (1 / E_start - 1 / E_max) + 1
    return (effect / (weight * E_start)) ** 2, (effect / E_max) ** 2 * (1 - 1 / weight**2)
