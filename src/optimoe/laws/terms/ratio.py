"""The best ratio of expert to attention FLOPs as Li 2026 writes it, and what a ratio says of a model's sizes."""

import numpy as np

from optimoe.core.arrays import Values

CONTEXT_TOKENS = 4096
"""Length of Li's sequences (Table 2), at which r and C are counted."""


def best_ratio(
    flops: Values, active: Values, *, alpha0: Values, alpha1: Values, beta0: Values, beta1: Values
) -> Values:
    """r* = α_r·C^β_r with α_r = α0·(1−S)^α1 and β_r = β0·(1−S)^β1 (Li 2026, arXiv 2603.10379, eq. 1, Sec. 3.3).

    Args:
        flops: C, of the whole training run.
        active: 1 − S, the share of a layer's experts that a token uses, shared ones counted in both.
        alpha0: Factor of α_r.
        alpha1: Its exponent.
        beta0: Factor of β_r.
        beta1: Its exponent.
    """
    return ratio_factor(active, alpha0, alpha1) * np.power(
        flops, ratio_exponent(active, beta0, beta1), dtype=float
    )


def ratio_factor(active: Values, alpha0: Values, alpha1: Values) -> Values:
    """Factor of the power law of r* at an active share 1 − S, α_r = α0·(1−S)^α1."""
    return alpha0 * np.power(active, alpha1, dtype=float)


def ratio_exponent(active: Values, beta0: Values, beta1: Values) -> Values:
    """Exponent of the power law of r* at an active share 1 − S, β_r = β0·(1−S)^β1."""
    return beta0 * np.power(active, beta1, dtype=float)


def active_of_total(total: Values, active: Values, ratio: Values) -> Values:
    """Active parameters of a model with so many in all, N·(1 + r)/(1 + r/(1−S)), embeddings and router left out.

    With FLOPs as parameters (no scores), N_attention parameters of attention stand beside r·N_attention of active
    experts and r·N_attention/(1−S) of all. What scores add to attention makes this too low.

    Args:
        total: N, all parameters.
        active: 1 − S, the active share of the experts.
        ratio: r, FLOPs of experts over those of attention.
    """
    return total * np.add(1.0, ratio) / (1 + np.divide(ratio, active))


def total_of_active(params: Values, active: Values, ratio: Values) -> Values:
    """All parameters of a model with so many active ones, N_act·(1 + r/(1−S))/(1 + r): :func:`active_of_total`.

    Args:
        params: Active parameters, embeddings and router left out.
        active: 1 − S, the active share of the experts.
        ratio: r, FLOPs of experts over those of attention.
    """
    return params * (1 + np.divide(ratio, active)) / np.add(1.0, ratio)
