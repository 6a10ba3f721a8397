"""Laws over several corpora: shared coefficients, random effects of each corpus, priors."""

from optimoe.laws.fitting.hierarchy.draws import HierarchyDraws, documented_corpora, draw_hierarchy, predict_corpus
from optimoe.laws.fitting.hierarchy.fit import fit_hierarchy
from optimoe.laws.fitting.hierarchy.leave_out import Carried, HeldBand, LeftOut, carry_over, leave_one_corpus_out
from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions
from optimoe.laws.fitting.hierarchy.result import HierarchicalFit

__all__ = [
    "Carried",
    "HeldBand",
    "HierarchicalFit",
    "HierarchyDraws",
    "HierarchyOptions",
    "LeftOut",
    "carry_over",
    "documented_corpora",
    "draw_hierarchy",
    "fit_hierarchy",
    "leave_one_corpus_out",
    "predict_corpus",
]
