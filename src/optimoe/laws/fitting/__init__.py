"""Laws from runs: fits with verdicts, intervals, tests on unseen runs, and which runs to do next."""

from optimoe.laws.fitting.fit import Fit, FitOptions, fit, save_law
from optimoe.laws.fitting.objectives import Huber, LeastSquares, StudentT

__all__ = ["Fit", "FitOptions", "Huber", "LeastSquares", "StudentT", "fit", "save_law"]
