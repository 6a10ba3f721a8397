"""Laws from runs: fits with verdicts, intervals, tests on unseen runs, and which runs to do next."""

from optimoe.laws.catalog import save_law
from optimoe.laws.fitting.answers.bands import Coverage, band_coverage, hold_out_coverage, predict_runs
from optimoe.laws.fitting.answers.curve import LossCurve, loss_curve
from optimoe.laws.fitting.answers.documented import documented
from optimoe.laws.fitting.answers.drawn import DrawnNumber, drawn_law
from optimoe.laws.fitting.answers.frontier import LawFrontier, find_frontier
from optimoe.laws.fitting.answers.isoflop import IsoFlopAnalysis, analyse_isoflop
from optimoe.laws.fitting.answers.next_runs import NextRuns, next_runs
from optimoe.laws.fitting.answers.ratio import RatioAnalysis, analyse_ratio
from optimoe.laws.fitting.fit import Fit, fit
from optimoe.laws.fitting.intervals import Band, Interval, Resamples, bootstrap, predict_band, profile
from optimoe.laws.fitting.objectives import Auto, Huber, LeastSquares, Objective, StudentT
from optimoe.laws.fitting.setup.problem import FitOptions, Held
from optimoe.laws.fitting.validation import HoldOut, Score, compare_families, hold_out, leave_one_out

__all__ = [
    "Auto",
    "Band",
    "Coverage",
    "DrawnNumber",
    "Fit",
    "FitOptions",
    "Held",
    "HoldOut",
    "Huber",
    "Interval",
    "IsoFlopAnalysis",
    "LawFrontier",
    "LeastSquares",
    "LossCurve",
    "NextRuns",
    "Objective",
    "RatioAnalysis",
    "Resamples",
    "Score",
    "StudentT",
    "analyse_isoflop",
    "analyse_ratio",
    "band_coverage",
    "bootstrap",
    "compare_families",
    "documented",
    "drawn_law",
    "find_frontier",
    "fit",
    "hold_out",
    "hold_out_coverage",
    "leave_one_out",
    "loss_curve",
    "next_runs",
    "predict_band",
    "predict_runs",
    "profile",
    "save_law",
]
