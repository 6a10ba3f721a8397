import numpy as np
import pytest

from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions, make_grouped_model
from optimoe.laws.fitting.hierarchy.spread import assumed_spread
from optimoe.laws.fitting.priors import independent_prior
from tests.laws.fitting.hierarchy.corpora import plant_corpora


@pytest.fixture
def model():
    """Two corpora with three effects each, and a prior of two coordinates."""
    corpora, _ = plant_corpora(count=2, runs=5)
    effects, options = ("E", "A", "scale"), HierarchyOptions()
    prior = independent_prior("chinchilla", {"alpha": (0.3, 0.1), "B": (2000.0, 0.5)})
    spread = assumed_spread(effects, {"E": 1.7}, frozenset({"A"}), {})
    return make_grouped_model(corpora, "chinchilla", effects, options, prior).with_spread(spread)


def test_slopes_of_every_row_agree_with_differences(model):
    point = model.starts(1)[:1] + 0.01
    value, slope = model.predict(point)
    assert value.shape == (1, 10 + 2 + 6 + 2)
    for column in range(point.shape[1]):
        step = np.zeros_like(point)
        step[0, column] = 1e-6
        differences = (model.predict(point + step)[0] - model.predict(point - step)[0]) / 2e-6
        np.testing.assert_allclose(slope[:, column], differences, rtol=1e-5, atol=1e-7)


def test_the_coefficients_of_a_corpus_give_the_loss_that_is_fitted(model):
    point = model.starts(1)[:1] + 0.02
    name = model.groups[1]
    values = model.coefficients_of(point[:, : model.shared], point[:, model.own(name)])
    law = model.whole.law({key: float(value[0]) for key, value in values.items()})
    np.testing.assert_allclose(np.log(law.loss(**model.parts[name].variables)), model.predict(point)[0][0, 5:10])


def test_rows_of_effects_are_in_standard_deviations(model):
    point = model.starts(1)[:1]
    point[0, model.own(model.groups[0])] = [0.17, 0.3, 0.1]
    np.testing.assert_allclose(model.predict(point)[0][0, model.effect_rows][:3], 1)


def test_an_effect_moves_a_floor_no_further_than_zero(model):
    shared = model.starts(1)[:1, : model.shared]
    effects = np.zeros((1, len(model.effects)))
    effects[0, model.effects.index("E")] = -100.0
    assert model.coefficients_of(shared, effects)["E"] == 0.0
