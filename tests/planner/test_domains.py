"""What a law may not rank is neither chosen, nor drawn, nor voted on, and is said."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_law, find_loss_law
from optimoe.planner.confidence.robust import assess
from optimoe.planner.confidence.uncertainty import uncertainty
from optimoe.planner.plan import plan, usable_laws
from optimoe.planner.pricing import SHARED
from optimoe.planner.problem.goal import LowestLoss
from tests.planner.asked import SMALL, every_pool, problem

TOP_8 = replace(SMALL, num_experts=(64,), top_k=(1, 8))


def active_fit(**domain):
    row = find_law("besiroglu2024").row
    stated = replace(row.domain, models="unknown", tokens_per_param=(), **domain)
    return find_law("besiroglu2024").__class__(
        replace(row, name="ours", status="fitted", n_convention="active", domain=stated)
    )


def test_a_dense_law_with_routed_designs_only_is_refused_in_one_line():
    with pytest.raises(
        InputError, match=r"law besiroglu2024: may rank none of these designs: routed experts"
    ) as e:
        plan(problem(law="besiroglu2024", space=replace(SMALL, num_experts=(8, 32))))
    assert "\n" not in str(e.value)


def test_top_8_of_64_is_not_credited_with_64_experts():
    result = plan(problem(space=TOP_8, goal=LowestLoss(), serve_tokens=0.0))
    top_8 = next(item.candidate for item in result.alternatives if item.family.top_k == 8)
    assert result.choice.family.top_k == 1
    law = result.problem.law
    read = float(law.variables(top_8.spec)["E"])
    assert 8 < read < 12
    assert top_8.loss.value == pytest.approx(result.choice.loss.value, rel=1e-6)
    assert top_8.params.active > 2 * result.choice.params.active
    assert top_8.assumed
    assert not result.choice.assumed


def test_a_choice_by_assumption_names_its_reading_and_source_and_has_a_wider_band():
    asked = problem(space=replace(SMALL, num_experts=(64,), top_k=(8,)), goal=LowestLoss())
    result = plan(asked)
    (line,) = [line for line in result.warnings if line.startswith("by assumption")]
    assert "reads E = 64 as" in line
    assert "Krajewski 2024" in line
    gap = float(asked.law.reading_gap(result.choice.spec, result.choice.tokens))
    assert gap > 0.01
    assert f"{gap:.3f} nats away" in line
    assert result.choice.loss.high - result.choice.loss.low > 2 * gap
    drawn = uncertainty(result, draws=8)
    assert drawn.loss_high - drawn.loss_low > 2 * gap


def test_a_fit_in_active_parameters_plans_one_expansion_and_refuses_several():
    law = active_fit()
    result = plan(replace(problem(space=replace(SMALL, num_experts=(16,))), law=law))
    assert result.choice.family.num_experts == 16
    assert law.variables(result.choice.spec) == {"N": result.choice.params.active}
    with pytest.raises(InputError, match=r"law ours: cannot tell E = 4, 16 apart, which differ in total size"):
        plan(replace(problem(space=replace(SMALL, num_experts=(4, 16))), law=law))
    with pytest.raises(InputError, match="dense and routed models"):
        plan(replace(problem(), law=law))


def test_the_own_law_ranks_designs_finer_than_its_runs_and_says_so():
    asked = replace(SMALL, num_experts=(128,), top_k=(8,), ffn_ratio=(0.375,), num_shared_experts=(1,))
    result = plan(problem(law="optimoe2026", space=asked))
    assert result.choice.family.num_experts == 128
    assert not result.choice.assumed
    assert any("never fitted on granularity 10.7" in line for line in result.warnings)
    assert any("never fitted on top-8 routing (fitted on top-1 to 4)" in line for line in result.warnings)


def test_no_draw_makes_a_family_the_best_that_the_law_may_not_rank():
    chances = uncertainty(plan(problem(law="besiroglu2024")), draws=8).chances
    assert {one.family.num_experts for one in chances} == {1}


def test_a_law_that_may_not_rank_the_choice_beside_others_is_not_planned_with():
    result = plan(problem())
    assert not result.choice.family.dense
    (law,) = [swing for swing in assess(result, draws=8).swings if swing.name == "law"]
    assert "besiroglu2024" not in law.ends
    assert "krajewski2024-e16" not in law.ends  # it may rank E = 16 alone
    assert "zhao2025" in law.ends
    dense = plan(problem(space=replace(SMALL, num_experts=(1,))))
    assert all(swing.name != "law" for swing in assess(dense, draws=8).swings)


def test_views_of_laws_are_of_what_they_may_rank():
    views = {view.law: view for view in plan(problem()).laws}
    assert views["besiroglu2024"].num_experts == 1
    assert not views["besiroglu2024"].routed
    assert views["krajewski2024-e16"].num_experts == 16
    assert not views["krajewski2024-e16"].routed
    assert views["ludziejewski2025"].routed


def test_laws_of_one_paper_or_data_set_are_one_vote():
    names = [law.row.name for law in usable_laws(find_loss_law("ludziejewski2025"))]
    assert "besiroglu2024" in names
    assert "hoffmann2022-unrounded" not in names  # the same runs
    assert len({find_law(name).row.behind for name in names}) == len(names)
    assert usable_laws(active_fit())[-1].row.name == "zhao2025"
    assert "ours" in [law.row.name for law in usable_laws(active_fit())]
    own = [law.row.name for law in usable_laws(find_loss_law("hoffmann2022-unrounded"))]
    assert "hoffmann2022-unrounded" in own
    assert "besiroglu2024" not in own


def test_designs_that_a_law_may_not_rank_have_no_loss():
    pools = every_pool(problem(law="besiroglu2024"), SHARED)
    for family, pool in pools.items():
        assert pool.ranked.all() == family.dense
        assert np.isnan(pool.loss(np.full(len(pool.ranked), 1e11))).all() != family.dense
        assert pool.possible.any() == family.dense
    zhao = find_loss_law("zhao2025")
    ranked = [family for family, pool in pools.items() if np.any(zhao.judge(pool.grid).applicable)]
    assert ranked == [family for family in pools if not family.dense]
    assert active_fit().blind_to([pool.grid for pool in pools.values()])


def test_instead_says_what_is_not_ranked():
    result = plan(problem(law="zhao2025"))
    refused = {item.family.num_experts: item.not_ranked for item in result.alternatives}
    assert refused == {1: "no experts (a law of MoEs)", 4: "", 16: ""}
    assert not any("does not meet the limits" in line for line in result.reasons)


def test_tokens_per_parameter_beyond_the_runs_are_said_and_widen_the_band():
    result = plan(problem(law="besiroglu2024", goal=LowestLoss(), space=replace(SMALL, max_width=1024)))
    ratio = result.choice.tokens / result.choice.params.active
    assert ratio > 1000  # the runs ended at 341
    beyond = f"tokens per parameter is {ratio / 341:.1f}× beyond the fitted range of besiroglu2024"
    assert beyond in result.warnings
    row = result.problem.law.row
    unbounded = result.problem.law.__class__(replace(row, domain=replace(row.domain, tokens_per_param=())))
    low, high = unbounded.band(result.choice.loss.value, result.choice.spec, result.choice.tokens)
    assert result.choice.loss.low < low < high < result.choice.loss.high
