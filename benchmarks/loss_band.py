"""How wide a band must be beyond a law's fitted range: a back-test on Chinchilla's runs.

    OPTIMOE_DATA=… python benchmarks/loss_band.py

Chinchilla's form is fitted to the runs below a budget; the band ln L ± 1.645·rmse·(1 + growth·decades) is
then held against the runs above it. Printed: the share of those runs inside the band, by growth and budget.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import huber

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.laws.datasets import DenseRuns, load_chinchilla_runs
from optimoe.laws.terms.band import BAND_GROWTH_PER_DECADE, BAND_Z

BUDGETS = (2e19, 3e19, 6e19, 1e20, 2e20, 3e20, 6e20, 1e21)
GROWTHS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0)
HUBER_DELTA = 1e-3
STARTS = [(e, 6.0, 7.5, exponent, exponent) for e in (0.4, 0.6) for exponent in (0.3, 0.4)]


def log_loss(theta: np.ndarray, runs: DenseRuns) -> np.ndarray:
    """The logarithm of E + A/N^α + B/D^β with θ = (ln E, ln A, ln B, α, β)."""
    e, a, b, alpha, beta = theta
    log_n, log_d = np.log(runs.params), np.log(runs.tokens)
    return np.log(np.exp(e) + np.exp(a - alpha * log_n) + np.exp(b - beta * log_d))


def fitted(runs: DenseRuns) -> np.ndarray:
    """θ with the least Huber loss from a few starts."""

    def objective(theta: np.ndarray) -> float:
        return 1e3 * float(huber(HUBER_DELTA, log_loss(theta, runs) - np.log(runs.loss)).sum())

    ends = [minimize(objective, minimize(objective, start).x, method="Nelder-Mead") for start in STARTS]
    return min(ends, key=lambda end: end.fun).x


def subset(runs: DenseRuns, keep: np.ndarray) -> DenseRuns:
    """Some of the runs."""
    return DenseRuns(params=runs.params[keep], tokens=runs.tokens[keep], loss=runs.loss[keep])


def coverage(runs: DenseRuns, budget: float) -> list[float]:
    """Share of the runs above a budget inside the band, for each growth."""
    below = TRAIN_FLOPS_PER_PARAM_TOKEN * runs.params * runs.tokens <= budget
    seen, unseen = subset(runs, below), subset(runs, ~below)
    theta = fitted(seen)
    rmse = np.sqrt(np.mean((log_loss(theta, seen) - np.log(seen.loss)) ** 2))
    decades = np.maximum(0, np.log10(unseen.params / seen.params.max()))
    decades += np.maximum(0, np.log10(unseen.tokens / seen.tokens.max()))
    error = np.abs(log_loss(theta, unseen) - np.log(unseen.loss))
    return [float(np.mean(error <= BAND_Z * rmse * (1 + growth * decades))) for growth in GROWTHS]


def main() -> None:
    """Print one line per growth factor."""
    runs = load_chinchilla_runs()
    table = np.array([coverage(runs, budget) for budget in BUDGETS]).T
    print(f"growth {'mean':>7}" + "".join(f"{budget:>8.0e}" for budget in BUDGETS))
    for growth, row in zip(GROWTHS, table, strict=True):
        used = "  ← used" if growth == BAND_GROWTH_PER_DECADE else ""
        print(f"{growth:>6.0f} {row.mean():>7.0%}" + "".join(f"{share:>8.0%}" for share in row) + used)


if __name__ == "__main__":
    main()
