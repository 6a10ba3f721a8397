"""Every law of the library: what it may rank, it tells apart."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.design import with_num_experts
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.laws.catalog import FAMILIES, find_law, law_names
from optimoe.laws.domain import COVERED
from optimoe.laws.law import LawRow
from optimoe.laws.loss_law import ArchLaw
from tests.laws.designs import DENSE, FINE, HALF, LAYERS, SHARED, SWITCH, USABLE, make

TOKENS = 2e10


def fewer_experts(arch, experts):
    """The same design with fewer experts, its smaller routers made up for by learned positions."""
    rows = LAYERS * (arch.moe.num_experts - experts)
    return replace(with_num_experts(arch, experts), num_positions=rows)


def top(k, experts=64, **shared):
    return make(MoE(num_experts=experts, top_k=k, d_expert=4096 // (k + len(shared)), gated=False, **shared))


COARSE, GRAINED = top(1), top(8)
ONE_SHARED = make(MoE(num_experts=64, top_k=7, d_expert=512, num_shared_experts=1, d_shared=512, gated=False))
PAIRS = {
    "experts": (SWITCH, fewer_experts(SWITCH, 8)),
    "experts, k of G": (FINE, fewer_experts(FINE, 64)),
    "k": (COARSE, GRAINED),
    "k, less": (top(1), top(2)),
    "shared": (GRAINED, ONE_SHARED),
    "layers that route": (SWITCH, replace(HALF, num_positions=LAYERS // 2 * 32)),
}
"""Two designs of equal active size, the larger in total first."""


@pytest.mark.parametrize("pair", PAIRS)
def test_the_pairs_differ_in_total_size_alone(pair):
    larger, smaller = (count_params(arch) for arch in PAIRS[pair])
    assert larger.active == smaller.active
    assert larger.total != smaller.total


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize("pair", PAIRS)
def test_equal_active_and_different_total_size_have_different_losses_or_are_not_ranked(name, pair):
    law = find_law(name)
    if not isinstance(law, ArchLaw):
        return
    one, other = PAIRS[pair]
    if law.judge(one).applicable and law.judge(other).applicable and not law.blind_to([one, other]):
        assert law.arch_loss(one, TOKENS) != pytest.approx(law.arch_loss(other, TOKENS), abs=1e-5)


@pytest.mark.parametrize("name", ["ludziejewski2025", "abnar2025", "zhao2025"])
@pytest.mark.parametrize("pair", ["experts", "k", "k, less"])
def test_the_larger_total_has_the_lower_loss_as_in_the_run_tables(name, pair):
    law = find_law(name)
    larger, smaller = PAIRS[pair]
    assert law.judge(larger).applicable
    assert law.judge(smaller).applicable
    assert law.arch_loss(larger, TOKENS) < law.arch_loss(smaller, TOKENS)


@pytest.mark.parametrize("name", law_names())
def test_every_row_states_its_models_and_where_they_stand(name):
    row = find_law(name).row
    assert row.domain.known
    assert row.domain.source


@pytest.mark.parametrize("name", law_names())
def test_a_mapping_is_one_that_the_family_follows(name):
    law = find_law(name)
    mapping = law.row.domain.mapping
    assert mapping in COVERED
    assert mapping == "none" or mapping in law.readings


@pytest.mark.parametrize("family", FAMILIES)
def test_every_loss_of_designs_says_what_it_sees(family):
    law_class = FAMILIES[family]
    if issubclass(law_class, ArchLaw):
        row = LawRow(name="a", family=family, source="", status="fitted", n_convention="", coefficients={})
        assert law_class(row).by


def test_a_top_1_law_does_not_credit_sixty_four_experts_of_which_a_token_takes_eight():
    law = find_law("ludziejewski2025")
    read, stated = law.variables(GRAINED)["E"], law.as_stated(GRAINED)["E"]
    assert stated == 64
    assert read == pytest.approx(8, rel=0.1)  # E/k, but for the share of feed-forwards
    assert law.judge(GRAINED).answer == "by assumption"
    assert law.judge(COARSE).answer == "applicable"
    assert law.variables(COARSE)["E"] == 64
    assert law.variables(DENSE) == {"N_act": count_params(DENSE).active, "E": 1}


def test_the_paper_shape_is_read_at_its_own_number_of_experts():
    law = find_law("ludziejewski2025")
    width, experts = np.array([512.0, 1024.0, 2304.0]), np.array([1.0, 8.0, 32.0])
    active, total = law.paper_active(width, experts), law.paper_total(width, experts)
    np.testing.assert_allclose(law.experts_at_sizes(active, total), experts, rtol=1e-12)


def test_the_band_of_a_design_read_by_assumption_covers_both_readings():
    law = find_law("ludziejewski2025")
    read, stated = law.arch_loss(GRAINED, TOKENS), law.loss(**law.as_stated(GRAINED), D=TOKENS)
    gap = law.reading_gap(GRAINED, TOKENS)
    assert gap == pytest.approx(read - stated)
    low, high = law.band(read, GRAINED, TOKENS)
    assert low < stated < read < high
    assert low == pytest.approx(read * np.exp(-1.645 * law.row.rmse_log) - gap)
    assert law.reading_gap(COARSE, TOKENS) == law.reading_gap(DENSE, TOKENS) == 0
    assert "reads E = 64 as 7.648" in law.reading(GRAINED)
    assert "Krajewski 2024" in law.reading(GRAINED)
    assert law.reading(COARSE) == ""


def test_shared_experts_are_active_experts_to_a_law_of_sparsity():
    law = find_law("abnar2025")
    assert law.judge(SHARED).answer == "by assumption"
    assert law.variables(SHARED)["S"] == pytest.approx(1 - 8 / 66)
    assert law.as_stated(SHARED)["S"] == 58 / 64
    assert law.reading_gap(SHARED, TOKENS) > 0


def test_a_grid_is_read_design_by_design():
    law = find_law("ludziejewski2025")
    grid = replace(GRAINED, layers=(replace(GRAINED.layers[0], ffn=replace(
        GRAINED.moe, top_k=np.array([1, 2, 8]), d_expert=np.array([4096, 2048, 512])
    )),))  # fmt: skip
    experts = law.variables(grid)["E"]
    alone = [float(law.variables(arch)["E"]) for arch in (top(1), top(2), top(8))]
    np.testing.assert_allclose(experts, alone)
    assert list(law.judge(grid).assumed) == [False, True, True]


def fitted(convention, **domain):
    row = find_law("besiroglu2024").row
    return find_law("besiroglu2024").__class__(
        replace(row, status="fitted", n_convention=convention, domain=replace(FREE, **domain))
    )


FREE = LawRow(name="", family="", source="", status="fitted", n_convention="", coefficients={}).domain


def test_a_chinchilla_fit_in_total_parameters_is_of_dense_models():
    assert fitted("total").judge(SWITCH).reason == "routed experts (a dense law)"
    assert fitted("total", models="both", num_experts=(8, 64)).judge(SWITCH).answer == "not applicable"
    same = fitted("total", models="routed", num_experts=(32, 32))
    assert same.judge(SWITCH).answer == "applicable"
    assert same.judge(COARSE).reason == "64 experts (fitted on 32)"


def test_a_chinchilla_fit_in_active_parameters_ranks_one_expansion_at_a_time():
    law = fitted("active")
    assert law.variables(SWITCH) == {"N": count_params(SWITCH).active}
    assert law.judge(SWITCH).answer == "applicable"
    assert law.blind_to([SWITCH, SWITCH]) == ""
    assert law.blind_to([SWITCH, COARSE]) == "E = 32, 64"
    assert law.blind_to([COARSE, GRAINED]) == "top-k = 1, 8"
    assert law.blind_to([DENSE, SWITCH]) == "dense and routed models"
    wide = fitted("active", models="routed", num_experts=(8, 64), top_k=(1, 1))
    assert wide.blind_to([with_num_experts(SWITCH, 8), SWITCH]) == "E = 8, 32"
