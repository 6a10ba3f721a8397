import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.fitting.hierarchy import carry_over, leave_one_corpus_out
from tests.laws.fitting.hierarchy.corpora import plant_corpora


def test_a_law_that_is_off_by_a_factor_carries_over_with_one_scale_and_not_with_an_offset():
    loss = np.linspace(2, 4, 9)
    carried = carry_over(loss / 1.2, loss)
    assert carried.scale == pytest.approx(0, abs=1e-12)
    assert carried.one_run == pytest.approx(0, abs=1e-12)
    assert carried.both == pytest.approx(0, abs=1e-12)
    assert carried.offset > 0.05
    assert carried.unchanged > 0.3


def test_each_number_that_a_left_out_corpus_gives_narrows_its_band():
    corpora, _ = plant_corpora(count=5, runs=16, seed=3)
    found = leave_one_corpus_out(corpora, "chinchilla", draws=40, anchors=4)
    assert [one.corpus for one in found] == list(corpora)
    assert np.mean([one.after_scale.inside for one in found]) >= 0.85
    widths = [(one.after_scale.half_width, one.after_one_run.half_width, one.unseen.half_width) for one in found]
    assert all(narrow < middle < wide for narrow, middle, wide in widths)


def test_a_corpus_may_be_left_out_with_a_prior_of_its_own():
    corpora, _ = plant_corpora(count=3, runs=20)
    overrides = {"c1": {"priors": {"alpha": (0.5, 1e-6)}}}
    found = leave_one_corpus_out(corpora, "chinchilla", draws=5, anchors=2, overrides=overrides)
    assert found[1].coefficients["alpha"] == pytest.approx(0.5, abs=1e-4)
    assert found[0].coefficients["alpha"] != pytest.approx(0.5, abs=1e-2)


def test_one_corpus_cannot_be_left_out():
    corpora, _ = plant_corpora(count=1, runs=20)
    with pytest.raises(ConfigError, match="two corpora"):
        leave_one_corpus_out(corpora, "chinchilla")
