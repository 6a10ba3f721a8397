"""What designs a law may rank."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.design import with_num_experts
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError
from optimoe.laws.domain import Domain, traits_of
from tests.laws.designs import DENSE, FINE, SHARED, SWITCH

TOP_1 = Domain(
    models="both",
    num_experts=(2, 32),
    top_k=(1, 1),
    granularity=(1, 1.5),
    num_shared_experts=(0, 0),
    routed_share=(1, 1),
    source="a paper",
)
BY = ("params_active", "num_experts")


def test_a_trait_that_a_law_does_not_see_must_be_like_its_runs():
    assert TOP_1.judge(SWITCH, BY).answer == "applicable"
    fine = TOP_1.judge(FINE, BY)
    assert fine.answer == "not applicable"
    assert fine.reason == "top-8 routing (fitted on top-1)"


def test_a_trait_that_a_law_sees_is_a_stretch_and_not_refused():
    wide = with_num_experts(SWITCH, 128)
    assert TOP_1.judge(wide, BY).answer == "applicable"
    assert TOP_1.decades(wide, 1e10, BY) == {"num_experts": pytest.approx(np.log10(4))}
    through_sizes = TOP_1.judge(wide, ("params_active", "params_total"))
    assert through_sizes.answer == "applicable"
    assert through_sizes.stretched == ("128 experts (fitted on 2 to 32)",)
    assert TOP_1.judge(wide, ("params_active",)).reason == "128 experts (fitted on 2 to 32)"


def test_a_mapping_makes_designs_rankable_by_assumption_and_needs_a_source():
    mapped = replace(TOP_1, mapping="expansion", mapping_source="a definition")
    standing = mapped.judge(FINE, BY)
    assert standing.answer == "by assumption"
    assert standing.assumed
    assert standing.assumptions == ("top-8 routing (fitted on top-1)", "granularity 8 (fitted on 1 to 1.5)")
    assert mapped.judge(DENSE, BY).answer == "applicable"
    with pytest.raises(ConfigError, match="mapping_source: must be given"):
        replace(TOP_1, mapping="expansion")


def test_both_sizes_see_every_trait_that_sets_the_total():
    sizes = ("params_active", "params_total")
    coarse = replace(TOP_1, granularity=())
    assert coarse.judge(SHARED, sizes).answer == "applicable"
    assert coarse.judge(SHARED, sizes).unknown == ("granularity", "tokens per parameter")
    fine = TOP_1.judge(FINE, sizes)
    assert fine.answer == "applicable"
    assert "granularity 8 (fitted on 1 to 1.5)" in fine.stretched


def test_dense_laws_know_no_experts_and_laws_of_experts_no_dense_model():
    dense, routed = Domain(models="dense"), Domain(models="routed")
    assert dense.judge(SWITCH, ()).reason == "routed experts (a dense law)"
    assert routed.judge(DENSE, ()).reason == "no experts (a law of MoEs)"
    assert dense.judge(DENSE, ()).answer == routed.judge(SWITCH, ()).answer == "applicable"


def test_layers_that_share_weights_are_of_no_law_that_was_fitted_without_them():
    again = [replace(group, reused=True) for group in SWITCH.layers]
    looped = replace(SWITCH, layers=(*SWITCH.layers, *again))
    assert count_params(looped) == count_params(SWITCH)
    assert TOP_1.judge(looped, BY).reason == "layers that share weights (fitted without)"


def test_each_design_of_a_grid_is_judged_alone():
    grid = with_num_experts(SWITCH, np.array([1, 8, 64]))
    standing = replace(TOP_1, models="dense").judge(grid, BY)
    assert list(standing.applicable) == [True, False, False]
    far = TOP_1.judge(grid, ("params_active",))
    assert list(far.applicable) == [True, True, False]
    assert far.reason == "64 experts (fitted on 2 to 32)"


def test_what_nobody_stated_is_unknown_and_never_inside():
    assert Domain().judge(SWITCH, BY).unknown == ("which designs they were",)
    standing = Domain(models="both", top_k=(1, 1)).judge(SWITCH, BY)
    assert standing.unknown == (
        "granularity",
        "shared experts",
        "share of routed layers",
        "tokens per parameter",
    )


def test_tokens_per_parameter_beyond_the_runs_count_as_outside():
    domain = Domain(models="both", tokens_per_param=(10, 100))
    active = count_params(SWITCH).active
    inside, beyond, below = (domain.decades(SWITCH, ratio * active, ()) for ratio in (50, 1000, 1))
    assert inside == {"tokens_per_param": 0}
    assert beyond["tokens_per_param"] == pytest.approx(1)
    assert below["tokens_per_param"] == pytest.approx(1)
    assert Domain().decades(SWITCH, 1e30, ()) == {}


def test_the_expansion_is_a_range_for_a_law_of_both_sizes():
    domain = Domain(models="both", expansion=(1, 4))
    sizes = ("params_active", "params_total")
    expansion = traits_of(SWITCH).expansion
    assert domain.decades(SWITCH, 1e10, sizes)["expansion"] == pytest.approx(np.log10(expansion / 4))
    assert domain.decades(DENSE, 1e10, sizes)["expansion"] == 0
    assert "expansion" not in domain.decades(SWITCH, 1e10, BY)


def test_a_law_of_active_parameters_is_blind_to_the_expansion():
    one, other = with_num_experts(SWITCH, 8), with_num_experts(SWITCH, 32)
    assert Domain().blind_to([one, one], ("params_active",)) == ""
    assert Domain().blind_to([one, other], ("params_active",)) == "E = 8, 32"
    assert Domain().blind_to([DENSE, other], ("params_active",)) == "dense and routed models"
    assert Domain().blind_to([DENSE, one, other], BY) == ""
    assert Domain().blind_to([SWITCH, FINE], BY).startswith("top-k = 1, 8")
    assert Domain().blind_to([one, other, DENSE, FINE], ("params_active", "params_total")) == ""


@pytest.mark.parametrize("span", [(2.0, 1.0), (1.0,), (-1.0, 1.0), (1.0, np.inf)])
def test_a_span_is_two_ordered_numbers(span):
    with pytest.raises(ConfigError, match="domain: top_k"):
        Domain(top_k=span)


def test_a_domain_is_said_in_a_line():
    assert Domain().words == "which designs its runs were is not stated"
    words = replace(TOP_1, mapping="expansion", mapping_source="a definition", tokens_per_param=(5, 80)).words
    assert words == (
        "dense and routed models, experts 2 to 32, top-k 1, granularity 1 to 1.5, shared experts 0, "
        "share of routed layers 1, tokens per parameter 5 to 80; others by the expansion (a paper)"
    )
