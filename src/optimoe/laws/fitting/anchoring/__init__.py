"""A law brought to one's own runs: its level from one run upwards, or all of it with the law as prior."""

from optimoe.laws.fitting.anchoring.anchor import Anchored, MovedEffect, anchor
from optimoe.laws.fitting.anchoring.back_test import (
    BackTest,
    BackTestOptions,
    BackTests,
    PredictedRun,
    back_test,
)
from optimoe.laws.fitting.anchoring.knowledge import Knowledge, knowledge_of
from optimoe.laws.fitting.anchoring.prior_fit import PriorFit, fit_with_prior

__all__ = [
    "Anchored",
    "BackTest",
    "BackTestOptions",
    "BackTests",
    "Knowledge",
    "MovedEffect",
    "PredictedRun",
    "PriorFit",
    "anchor",
    "back_test",
    "fit_with_prior",
    "knowledge_of",
]
