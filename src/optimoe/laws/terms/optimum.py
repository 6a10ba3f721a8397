"""Optima: the closed form of two competing powers, and roots and minima of a batch of curves at once."""

from collections.abc import Callable

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.arrays import Values

BISECTIONS = 64
"""Halvings of a logarithm: an interval of 24 decades ends below the rounding of its middle."""
GOLDEN_STEPS = 60
"""Each leaves 0.618 of the interval: 24 decades end at 2e-11, finer than a valley shows in double precision."""
GOLDEN = (5**0.5 - 1) / 2

CurveFunction = Callable[[Values], Values]


def optimal_params(m: Values, mu: Values, n: Values, nu: Values, C: Values) -> Values:
    """N that minimises m·N^−μ + n·D^−ν at C = 6ND.

    N = G·(C/6)^(ν/(μ+ν)), G = (μm/(νn))^(1/(μ+ν)) (Hoffmann 2022, arXiv 2203.15556, eq. 4).

    Args:
        m: Factor of the size term.
        mu: Its exponent, above zero.
        n: Factor of the data term.
        nu: Its exponent, above zero.
        C: Training FLOPs.
    """
    factor = (mu * m / (nu * n)) ** (1 / (mu + nu))
    return factor * np.power(np.divide(C, TRAIN_FLOPS_PER_PARAM_TOKEN), nu / (mu + nu))


def compute_for_params(m: Values, mu: Values, n: Values, nu: Values, N: Values) -> Values:
    """The budget at which N parameters are optimal: :func:`optimal_params` solved for C."""
    factor = (mu * m / (nu * n)) ** (1 / (mu + nu))
    return TRAIN_FLOPS_PER_PARAM_TOKEN * np.power(N / factor, (mu + nu) / nu)


def compute_for_loss(m: Values, mu: Values, n: Values, nu: Values, excess: Values) -> Values:
    """Least C at which m·N^−μ + n·D^−ν falls to ``excess``; infinite where that is not above zero.

    At the optimum the sum is (m·G^−μ + n·G^ν)·(C/6)^(−μν/(μ+ν)).
    """
    factor = (mu * m / (nu * n)) ** (1 / (mu + nu))
    height = m * factor**-mu + n * factor**nu
    with np.errstate(divide="ignore", over="ignore"):
        scaled = np.power(np.maximum(excess, 0) / height, -(mu + nu) / (mu * nu))
    return TRAIN_FLOPS_PER_PARAM_TOKEN * scaled


def find_root(rising: CurveFunction, low: Values, high: Values, like: Values) -> Values:
    """Where a rising curve crosses zero between two positive numbers, by bisection of the logarithm.

    Args:
        rising: Increasing in its argument; evaluated on arrays of the shape of ``like``.
        low: Lower end, above zero; the answer where the curve is above zero throughout.
        high: Upper end; the answer where it is below zero throughout. One for all elements, or one for each.
        like: A number or an array: one root for each element.
    """
    shape = np.shape(like)
    lower, upper = np.broadcast_to(np.log(low), shape), np.broadcast_to(np.log(high), shape)
    for _ in range(BISECTIONS):
        middle = (lower + upper) / 2
        above = np.asarray(rising(np.exp(middle))) > 0
        lower, upper = np.where(above, lower, middle), np.where(above, middle, upper)
    return np.exp((lower + upper) / 2)[()]


def find_minimum(valley: CurveFunction, low: Values, high: Values, like: Values) -> Values:
    """Where a curve with one valley is lowest, by golden section of the logarithm; relative error 1e-8.

    Args:
        valley: Evaluated on arrays of the shape of ``like``.
        low: Lower end, above zero.
        high: Upper end.
        like: A number or an array: one minimum for each element.
    """
    shape = np.shape(like)
    lower, upper = np.broadcast_to(np.log(low), shape), np.broadcast_to(np.log(high), shape)
    for _ in range(GOLDEN_STEPS):
        left, right = upper - GOLDEN * (upper - lower), lower + GOLDEN * (upper - lower)
        falls = np.asarray(valley(np.exp(left))) > np.asarray(valley(np.exp(right)))
        lower, upper = np.where(falls, left, lower), np.where(falls, upper, right)
    return np.exp((lower + upper) / 2)[()]
