from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, StudentT, fit
from optimoe.laws.fitting.anchoring import anchor, fit_with_prior
from optimoe.laws.fitting.anchoring.knowledge import knowledge_of
from tests.laws.fitting.anchoring.laws import exact_runs, shared_law


def scaled(law, factor):
    """The same law with draws that many times as far from their mean (in alpha, beta and E)."""
    draws = {
        name: tuple(np.mean(values) + factor * (np.array(values) - np.mean(values)))
        for name, values in law.row.draws.items()
        if name in ("alpha", "beta", "E")
    }
    return type(law)(replace(law.row, draws=draws))


def test_a_law_that_is_sure_is_kept_and_one_that_is_not_gives_way_to_the_runs():
    law, new = shared_law()
    sure = fit_with_prior(new, scaled(law, 1e-5), draws=5)
    mean = {name: np.mean(law.row.draws[name]) for name in ("alpha", "beta")}
    assert sure.fitted.coefficients["alpha"] == pytest.approx(mean["alpha"], abs=1e-5)
    assert sure.fitted.coefficients["beta"] == pytest.approx(mean["beta"], abs=1e-5)
    unsure = fit_with_prior(new, scaled(law, 1e4), draws=5)
    assert unsure.fitted.learned["alpha"] < 0.01


def test_one_run_is_enough_and_moves_mostly_the_level():
    law, _ = shared_law()
    runs = exact_runs(law, [1e9], scale=1.05)
    found = fit_with_prior(runs, law, draws=30)
    predicted = type(law)(found.law).loss(N=1e9, D=2e10)
    assert predicted == pytest.approx(runs.loss[0], rel=0.005)
    assert found.fitted.verdict == "sound"
    assert min(found.fitted.learned[name] for name in ("A", "B", "alpha", "beta")) > 0.9


def test_eight_runs_with_the_prior_predict_larger_ones_better_than_alone():
    law, new = shared_law()
    order = np.argsort(new.size)
    small = new.select(np.isin(np.arange(len(new)), order[:8]))
    large = new.select(np.isin(np.arange(len(new)), order[8:]))

    def error(row):
        return np.sqrt(np.mean((type(law)(row).loss(**large.variables) - large.loss) ** 2))

    alone = fit(small, "chinchilla", FitOptions(objective=StudentT()))
    assert error(fit_with_prior(small, law, draws=5).law) < error(alone.law)


def test_the_prior_of_a_corpus_is_as_wide_as_corpora_differ():
    law, _ = shared_law()
    known = knowledge_of(law)
    shown = np.std(law.row.draws["alpha"], ddof=1)
    assert known.prior().std("alpha") == pytest.approx(5**0.5 * shown)


def test_draws_of_the_fit_and_of_anchoring_say_how_sure_they_are():
    law, new = shared_law()
    found, anchored = fit_with_prior(new, law, draws=40), anchor(law, new)
    assert np.std(found.law.draws["alpha"]) > 0
    assert len(anchored.law.draws["alpha"]) > 40


def test_a_prior_of_another_family_or_without_draws_is_refused():
    law, new = shared_law()
    with pytest.raises(ConfigError, match="that of the prior"):
        fit_with_prior(new, law, family="ludziejewski")
    bare = find_law("besiroglu2024")
    bare = type(bare)(replace(bare.row, rmse_log=0.0))
    with pytest.raises(InputError, match="how sure"):
        fit_with_prior(new, bare)
