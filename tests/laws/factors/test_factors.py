"""Published effects on the dense equivalent: their values by hand, where they are one, and on grids."""

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.design import with_num_experts
from optimoe.core.errors import UnknownNameError
from optimoe.laws.catalog import find_law
from optimoe.laws.factors import EFFECTS, EXPERT_ATTENTION, design_effects, design_factor
from optimoe.laws.factors.granularity import granularity_effect
from optimoe.laws.factors.sharing import sharing_effect

NAMES = (*EFFECTS, EXPERT_ATTENTION)


def factor_of(arch):
    return design_factor(design_effects(NAMES, arch, find_law))


def test_a_dense_model_owes_nothing_to_experts():
    assert factor_of(find_model("llama-3.1-8b")) == 1.0


def test_granularity_is_the_ratio_of_two_leverages():
    olmoe = find_model("olmoe-1b-7b")  # 64 experts of 1024 at d_model 2048, top-8, none shared: 2·d/d_expert = 4
    law = find_law("tian2025-el")
    at, reference = (law.leverage(A=8 / 64, G=grain, C=1e20) for grain in (4.0, 2.0))
    assert granularity_effect(olmoe, find_law).factor == pytest.approx(at / reference, rel=1e-12)


def test_the_spread_of_granularity_is_the_distance_to_krajewskis_law():
    olmoe, law = find_model("olmoe-1b-7b"), find_law("krajewski2024-e64")
    size = 6.9e9
    same_loss = law.loss(size, 1e11, 4.0)
    effect = granularity_effect(olmoe, find_law)
    ends = [size * effect.factor * np.exp(side * effect.spread) for side in (-1, 1)]
    # one of the two ends is the size at G = 4 that Krajewski gives the loss of this size at G = 8
    assert min(abs(law.loss(end, 1e11, 4.0) - law.loss(size, 1e11, 8.0)) for end in ends) < 1e-9
    assert law.loss(size, 1e11, 8.0) < same_loss


def test_sharing_is_the_size_at_which_an_unshared_model_has_the_same_loss():
    deepseek, law = find_model("deepseek-v3"), find_law("zhao2025")
    m = sharing_effect(deepseek, find_law).factor
    v = law.variables(deepseek)
    shared = law.loss(D=1e13, **v)
    assert law.loss(m * v["N"], 1e13, m * v["N_a"], v["G"], 0.0) == pytest.approx(shared, rel=1e-12)
    assert m > 1


def test_a_grid_is_its_designs():
    mixtral = find_model("mixtral-8x7b")
    experts = np.array([2, 8, 64])
    grid = factor_of(with_num_experts(mixtral, experts))
    alone = [factor_of(with_num_experts(mixtral, int(count))) for count in experts]
    np.testing.assert_allclose(grid, alone)


def test_an_unknown_effect_is_refused():
    with pytest.raises(UnknownNameError, match="factors"):
        design_effects(("depth",), find_model("mixtral-8x7b"), find_law)
