from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.fitting.hierarchy.objective import GroupedStudentT

OBJECTIVE = GroupedStudentT(group=np.array([0, 0, 0, 1]), degrees=4.0, scale=0.01, scale_runs=2.0)
RESIDUAL = np.array([[0.01, -0.004, 0.03, 0.02, 0.7, -1.2, 0.0, 0.0]])
"""Three runs of one corpus, one of another, two rows of priors, the two priors of the scales."""
SCALE = np.array([[0.008, 0.02]])


@pytest.mark.parametrize("prior_degrees", [np.inf, 3.0])
def test_slopes_are_those_of_the_value(prior_degrees):
    step, objective = 1e-6, replace(OBJECTIVE, prior_degrees=prior_degrees)
    ahead, behind = (objective.parts(RESIDUAL + side, SCALE)[0] for side in (step, -step))
    slope = objective.parts(RESIDUAL, SCALE)[1]
    np.testing.assert_allclose(slope[:, :6], ((ahead - behind) / (2 * step))[:, :6], rtol=1e-6, atol=1e-6)


def test_rows_of_priors_are_half_their_square():
    value, slope, weight, curvature = OBJECTIVE.parts(RESIDUAL, SCALE)
    np.testing.assert_allclose(value[0, 4:6], [0.245, 0.72])
    np.testing.assert_allclose(slope[0, 4:6], [0.7, -1.2])
    assert weight[0, 4] == curvature[0, 4] == 1


def test_a_prior_that_few_corpora_have_shown_is_the_same_nearby_and_pulls_less_far_off():
    few = replace(OBJECTIVE, prior_degrees=5.0)
    near, far = (few.parts(np.where(RESIDUAL == 0.7, off, RESIDUAL), SCALE)[1][0, 4] for off in (0.01, 10.0))
    assert near == pytest.approx(0.01, rel=1e-4) and far == pytest.approx(10 / (1 + 100 / 5))


def test_the_scales_of_repeated_steps_are_where_the_objective_is_least():
    weight, scale = np.ones_like(RESIDUAL), SCALE
    for _ in range(200):
        scale = OBJECTIVE.rescale(RESIDUAL, weight, scale)
    least = OBJECTIVE.parts(RESIDUAL, scale)[0].sum()
    for factor in (0.95, 1.05):
        for column in range(2):
            other = scale.copy()
            other[0, column] *= factor
            assert OBJECTIVE.parts(RESIDUAL, other)[0].sum() > least


def test_a_corpus_without_weight_has_the_scale_of_its_prior():
    weight = np.ones_like(RESIDUAL)
    weight[0, 3] = 0
    scale = np.array([[0.5, 0.5]])
    for _ in range(200):
        scale = OBJECTIVE.rescale(RESIDUAL, weight, scale)
    assert scale[0, 1] == pytest.approx(0.01)
