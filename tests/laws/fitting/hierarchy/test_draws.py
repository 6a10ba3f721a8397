import numpy as np
import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.laws.fitting.hierarchy import draw_hierarchy, fit_hierarchy, predict_corpus
from tests.laws.fitting.hierarchy.corpora import plant_corpora

TARGET = {"N": np.array([1e10]), "D": np.array([1e12])}


def test_the_band_of_a_corpus_without_runs_holds_new_corpora_as_often_as_it_says():
    inside = []
    for seed in range(6):
        corpora, _ = plant_corpora(count=10, runs=24, seed=seed)
        seen = {name: corpora[name] for name in list(corpora)[:6]}
        fitted = fit_hierarchy(seen, "chinchilla")
        drawn = draw_hierarchy(seen, fitted, draws=60, seed=seed)
        for name in list(corpora)[6:]:
            band = predict_corpus(fitted, drawn, corpora[name].variables)
            loss = corpora[name].loss
            inside.append(np.mean((loss >= band.run_low) & (loss <= band.run_high)))
    assert np.mean(inside) >= 0.85
    assert np.mean(inside) < 0.99, "a band that is never wrong is too wide"


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
