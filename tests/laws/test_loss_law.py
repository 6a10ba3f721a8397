"""Designs in the variables of laws, and their losses."""

import numpy as np
import pytest

from optimoe.arch.design import with_num_experts
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.laws.catalog import find_law
from optimoe.laws.loss_law import ArchLaw
from tests.laws.designs import D_MODEL, DENSE, FINE, HALF, LAYERS, SHARED, SWITCH, USABLE, make


@pytest.mark.parametrize(
    ("name", "arch", "expected"),
    [
        ("besiroglu2024", DENSE, {"N": count_params(DENSE).total}),
        ("krajewski2024-dense", DENSE, {"N": count_params(DENSE).nonembedding}),
        ("kaplan2020-nd", DENSE, {"N": count_params(DENSE).nonembedding}),
        ("clark2022-sbase", SWITCH, {"N": count_params(DENSE).nonembedding, "E": 32}),
        ("clark2022-sbase", DENSE, {"N": count_params(DENSE).nonembedding, "E": 1}),
        ("ludziejewski2025", SWITCH, {"N_act": count_params(SWITCH).active, "E": 32}),
        (
            "krajewski2024-e64",
            FINE,
            {"N": count_params(FINE).nonembedding - count_params(FINE).router, "G": 8.0},
        ),
        ("abnar2025", SWITCH, {"N": count_params(SWITCH).total, "S": 31 / 32}),
        (
            "zhao2025",
            SHARED,
            {"N": count_params(SHARED).total, "N_a": count_params(SHARED).active, "G": 8, "S": 0.25},
        ),
        ("liew2025-moe", SWITCH, {"N1": count_params(DENSE).total}),
        ("yun2024-loss", SWITCH, {"N": count_params(DENSE).nonembedding, "E": 32}),
        ("wang2024-loss", SWITCH, {"N": count_params(SWITCH).total, "E": 32}),
    ],
)
def test_a_law_converts_a_design_by_its_own_conventions(name, arch, expected):
    assert find_law(name).variables(arch) == expected


def test_krajewski_counts_the_paper_shape_as_the_paper_does():
    """d²(8E + 4)·n_blocks, but for the norms that the paper leaves out."""
    law = find_law("krajewski2024-e64")
    norms = (2 * LAYERS + 1) * D_MODEL
    assert law.variables(FINE)["N"] - norms == D_MODEL**2 * (8 * 64 + 4) * LAYERS
    assert law.judge(FINE).answer == "applicable"
    assert law.judge(FINE).concerns == ()
    assert law.placed(FINE, 1e10)["E"] == 64
    assert law.judge(with_num_experts(FINE, 64)).reason == "an expansion E/k of 8 (fitted on 64)"


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize("arch", [DENSE, SWITCH, FINE, SHARED], ids=["dense", "switch", "fine", "shared"])
def test_every_usable_law_answers_or_says_why_not(name, arch):
    law = find_law(name)
    if isinstance(law, ArchLaw):
        if law.judge(arch).applicable:
            loss = law.arch_loss(arch, 2e10)
            assert 1 < loss < 6
            low, high = law.band(loss, arch, 2e10)
            assert np.isnan(low) or low < loss < high
            assert set(law.row.range) <= set(law.decades_beyond(arch, 2e10))
        else:
            assert law.judge(arch).reason
        return
    try:
        inputs = law.arch_inputs(arch, 2e10)
    except ConfigError as error:
        assert name in str(error)
    else:
        assert all(np.all(np.isfinite(value)) for value in inputs.values())


@pytest.mark.parametrize("name", ["abnar2025", "clark2022-rlr-digits", "ludziejewski2025"])
def test_a_law_of_moes_gives_the_dense_loss_at_one_expert(name):
    law = find_law(name)
    assert isinstance(law, ArchLaw)
    one = make(MoE(num_experts=1, top_k=1, d_expert=4096, gated=False))
    router = count_params(one).router
    assert law.arch_loss(one, 2e10) == pytest.approx(law.arch_loss(DENSE, 2e10), rel=router / 1e8)


def test_a_grid_of_designs_gives_what_each_design_gives():
    experts = np.array([2, 8, 32])
    for name in ("abnar2025", "clark2022-rlr-digits", "ludziejewski2025", "zhao2025"):
        law, arch = find_law(name), HALF if name.startswith("clark") else SWITCH
        grid = law.arch_loss(with_num_experts(arch, experts), 2e10)
        loop = [law.arch_loss(with_num_experts(arch, int(number)), 2e10) for number in experts]
        np.testing.assert_allclose(grid, loop, rtol=1e-13)
        assert np.isfinite(grid).all()


@pytest.mark.parametrize("name", ["besiroglu2024", "kaplan2020-nd", "kaplan2020-n", "clark2022-sbase-digits"])
def test_a_law_has_no_number_for_a_design_that_it_may_not_rank(name):
    law = find_law(name)
    with pytest.raises(InputError, match=rf"law {name}: not applicable: routed experts"):
        law.arch_loss(SWITCH, 2e10)
    grid = law.arch_loss(with_num_experts(SWITCH, np.array([1, 8])), 2e10)
    assert list(np.isnan(grid)) == [False, True]


def test_what_is_no_loss_is_one_line_however_many_designs_are_asked():
    law = find_law("besiroglu2024")
    flat = type(law)(law.row.with_coefficients(law.row.coefficients | {"A": -1e9}))
    with pytest.raises(InputError, match=r"^law besiroglu2024: L: must be a positive loss, got -[\d.e+]+$"):
        flat.evaluate("L", {"N": np.geomspace(1e7, 1e9, 500), "D": 1e10})
