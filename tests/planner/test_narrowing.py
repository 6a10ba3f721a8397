"""What nobody stated is stated for a law that does not see it."""

from dataclasses import replace

import pytest

from optimoe.core.errors import InputError
from optimoe.inputs.groups.designs import DesignChoice
from optimoe.inputs.groups.serving import TrafficChoice
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.plan import PlanRequest
from optimoe.laws.catalog import find_law, find_loss_law, law_names, save_law
from optimoe.laws.domain.judge import Domain
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.explain.assumptions import assumptions
from optimoe.planner.narrowing import told_apart
from optimoe.planner.plan import plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.space import Space
from optimoe.planner.search.find import started

EVERY_AXIS = DesignChoice().free

MEMORY = PricedGrids()
"""Of boards: the default designs are listed once for all laws."""


def usable(name):
    """Whether a law may predict."""
    return isinstance(find_law(name), LossLaw) and find_law(name).row.status not in ("form-only", "inconsistent")


def request(law, **designs):
    """A question with a law that states few designs or none."""
    return PlanRequest(
        training=TrainingChoice(train_flops=1e21),
        traffic=TrafficChoice(serve_tokens=1e11, serve_gpus="8xh100-sxm"),
        designs=DesignChoice(**designs),
        law=law,
    )


def of_unknown_runs(name, folder):
    """The file of a law of which nobody says what its runs were."""
    path = folder / "ours.toml"
    save_law(replace(find_law(name).row, name="ours", status="fitted", domain=Domain()), path)
    return str(path)


@pytest.mark.parametrize("name", sorted(filter(usable, law_names())))
def test_every_law_of_the_library_plans_the_default_designs_or_is_refused_for_another_reason(name):
    asked = request(name).problem()
    board = started(asked, MEMORY)
    ranked = board.judged(asked.law)[1]
    routed = board.listing.of("num_experts") > 1
    assert ranked.any()
    assert ranked[routed].any() == (asked.law.ranks.models != "dense")


@pytest.mark.parametrize("name", sorted(filter(usable, law_names())))
def test_a_law_of_unknown_runs_is_refused_the_default_designs_only_where_it_does_not_see_the_experts(
    name, tmp_path
):
    law = find_loss_law(of_unknown_runs(name, tmp_path))
    space, said = told_apart(Space(), law, EVERY_AXIS)
    assert bool(said) == (bool(law.unseen) and law.ranks.models != "dense")
    assert (space == Space()) == (not said)
    asked = replace(request("optimoe2026").problem(), law=law, space=space)
    if said and "num_experts" in law.unseen:  # the question itself, which nobody is asked in place of
        with pytest.raises(InputError, match=r"cannot tell (E = 8|dense and routed)"):
            started(asked, MEMORY)
    else:
        assert started(asked, MEMORY).judged(law)[1].any()


def test_what_is_stated_for_a_law_is_of_its_runs_where_they_say_it(tmp_path):
    space, said = told_apart(Space(), find_loss_law("yun2024-inferred"), EVERY_AXIS)
    assert (space.top_k, space.num_shared_experts, space.moe_every) == ((2,), (0,), (2,))
    assert 4 / space.ffn_ratio[0] == pytest.approx(1.515, abs=0.01)
    assert space.num_experts == Space().num_experts
    assert "top-2 (of its runs), no shared experts (of its runs)" in said
    unknown = find_loss_law(of_unknown_runs("yun2024-inferred", tmp_path))
    plainest, said = told_apart(Space(), unknown, EVERY_AXIS)
    assert (plainest.top_k, plainest.first_dense_layers, plainest.active_ffn_ratio) == ((1,), (0,), (3.0,))
    assert "top-1 (assumed)" in said
    assert "--active-ffn-ratio" in said


def test_a_law_that_tells_all_apart_and_designs_that_were_stated_stay_as_they_are(tmp_path):
    assert told_apart(Space(), find_loss_law("optimoe2026"), EVERY_AXIS) == (Space(), "")
    assert told_apart(Space(), find_loss_law("besiroglu2024"), EVERY_AXIS) == (Space(), "")
    law = of_unknown_runs("yun2024-inferred", tmp_path)
    assert request(law).problem().space.top_k == (1,)
    alike = request(law, top_k="2", shared="0", first_dense_layers="0", active_ffn_ratio="3").problem()
    assert alike.for_law == ""
    with pytest.raises(InputError, match=r"cannot tell top-k = 1, 2 apart"):
        started(request(law, top_k="1,2").problem(), MEMORY)
    with pytest.raises(InputError, match=r"cannot tell share of routed layers"):
        started(request(law, moe_every="1,2").problem(), MEMORY)


def test_a_plan_says_what_was_stated_for_its_law_and_which_options_state_it():
    asked = request("yun2024-inferred", experts="1,8", attention="gqa", max_width=1024).problem()
    result = plan(asked)
    (line,) = [line for line in result.warnings if "stated for it" in line]
    assert line.startswith("by assumption: yun2024-inferred cannot tell designs apart by these")
    assert "--top-k" in line
    assert [row.value for row in assumptions(asked) if row.name == "designs"] == [asked.for_law]
    assert {one.family.top_k for one in result.alternatives if not one.family.dense} == {2}
