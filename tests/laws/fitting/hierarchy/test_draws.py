import numpy as np
import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.laws.fitting.hierarchy import HierarchyOptions, draw_hierarchy, fit_hierarchy, predict_corpus
from optimoe.laws.fitting.hierarchy.leave_out import hold_corpus
from tests.laws.fitting.hierarchy.corpora import plant_corpora

TARGET = {"N": np.array([1e10]), "D": np.array([1e12])}


def test_bands_of_new_corpora_hold_as_often_as_they_say_without_runs_and_after_one():
    corpora, _ = plant_corpora(count=32, runs=12)
    new = {name: corpora.pop(name) for name in list(corpora)[12:]}
    fitted = fit_hierarchy(corpora, "chinchilla", options=HierarchyOptions(num_starts=2))
    drawn = draw_hierarchy(corpora, fitted, draws=60)
    held = [hold_corpus(name, runs, fitted, drawn, seed=7, anchors=2) for name, runs in new.items()]
    assert np.mean([one.unseen.inside for one in held]) >= 0.85
    assert 0.85 <= np.mean([one.after_one_run.inside for one in held]) < 0.99


def test_a_corpus_with_runs_is_surer_than_one_without():
    corpora, _ = plant_corpora()
    fitted = fit_hierarchy(corpora, "chinchilla")
    drawn = draw_hierarchy(corpora, fitted, draws=60)
    known, new = (predict_corpus(fitted, drawn, TARGET, corpus=corpus) for corpus in ("c0", None))
    assert (known.high - known.low) < 0.3 * (new.high - new.low)
    assert drawn.converged > 0.95


def test_draws_of_what_only_a_prior_determines_are_as_wide_as_the_prior():
    corpora, _ = plant_corpora(count=2, runs=40)
    one_size = {
        name: type(runs)(variables={**runs.variables, "N": np.full(40, 1e9)}, loss=runs.loss)
        for name, runs in corpora.items()
    }
    prior = {"alpha": (0.4, 0.05), "A": (500.0, 0.1)}
    fitted = fit_hierarchy(one_size, "chinchilla", priors=prior)
    drawn = draw_hierarchy(one_size, fitted, draws=200).coefficients()
    assert drawn["alpha"].std() == pytest.approx(0.05, rel=0.25)


def test_draws_are_the_same_for_a_seed_and_a_corpus_is_named():
    corpora, _ = plant_corpora(count=3, runs=20)
    fitted = fit_hierarchy(corpora, "chinchilla")
    one, two = (draw_hierarchy(corpora, fitted, draws=5, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.shared, two.shared)
    with pytest.raises(UnknownNameError, match="corpus"):
        one.coefficients("elsewhere")
