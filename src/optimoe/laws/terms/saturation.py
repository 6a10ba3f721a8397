"""The saturated expert count, shared by several laws."""

from optimoe.core.arrays import Values


def saturated_experts(E: Values, E_start: Values, E_max: Values) -> Values:
    """Ê: 1/Ê = 1/(E − 1 + (1/E_start − 1/E_max)^−1) + 1/E_max, so that Ê(1) = E_start and Ê(∞) = E_max.

    Clark 2022 (arXiv 2202.01169), eq. 6; also of Yun 2024 and Ludziejewski 2025, and with A in place of
    E − 1 of Tian 2025.
    """
    return 1 / (1 / (E - 1 + 1 / (1 / E_start - 1 / E_max)) + 1 / E_max)


def saturated_experts_gradient(E: Values, E_start: Values, E_max: Values) -> tuple[Values, Values]:
    """(dÊ/dE_start, dÊ/dE_max).

    With X = (1/E_start − 1/E_max)^−1 and S = E − 1 + X: dÊ/dX = (Ê/S)², dX/dE_start = (X/E_start)²,
    dX/dE_max = −(X/E_max)², and E_max itself adds (Ê/E_max)².
    """
    offset = 1 / (1 / E_start - 1 / E_max)
    effect = saturated_experts(E, E_start, E_max)
    slope = (effect / (E - 1 + offset)) ** 2
    return slope * (offset / E_start) ** 2, (effect / E_max) ** 2 - slope * (offset / E_max) ** 2
