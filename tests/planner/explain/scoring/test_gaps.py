"""Where a gap comes from: factors that multiply, and traits that are put in and run."""

from dataclasses import replace
from functools import cache

from optimoe.arch.catalog import parse_shape
from optimoe.arch.design import with_num_experts
from optimoe.planner.explain.scoring.gaps import dollar_reasons, loss_reasons
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from tests.planner.asked import SMALL, problem


@cache
def small():
    return plan(problem(law="optimoe2026", space=replace(SMALL, num_experts=(16,), max_width=3072)))


def test_the_choice_has_no_gap_to_itself():
    found = small()
    assert dollar_reasons(found.problem, found.choice, found.choice) == ()
    assert loss_reasons(found.problem, found.choice, found.choice) == ()


def test_dollars_are_split_into_training_and_serving_with_the_factors_behind():
    found = small()
    dearer = replace(found.choice, tokens=2 * found.choice.tokens,
                     training=replace(found.choice.training, usd=2 * found.choice.train_usd))  # fmt: skip
    (line,) = dollar_reasons(found.problem, dearer, found.choice)
    assert line.startswith("training $")
    assert "more: 2.0× the tokens" in line


def test_a_trait_that_is_put_in_alone_closes_what_the_law_says():
    found = plan(
        problem(law="optimoe2026", goal=LowestLoss(), space=replace(SMALL, num_experts=(16,), max_width=3072))
    )
    best = found.choice
    fewer = with_num_experts(best.spec, 4)
    (scored,) = plan(replace(found.problem, scored=(fewer,))).scored
    (line,) = [line for line in scored.why if line.startswith("of ")]
    gap = scored.in_budget.loss.value - best.loss.value
    assert f"of {gap:.3f} nats" in line
    assert f"its sparsity (E/k 4 → 16) closes {gap:.3f} nats" in line
    assert "size" not in line


def test_what_cannot_reach_the_loss_names_its_floor_and_what_cannot_be_served_its_limit():
    tiny = parse_shape("d_model=256,num_layers=4,num_heads=4,vocab_size=50304,d_ff=1024")
    giant = parse_shape("d_model=8192,num_layers=64,num_heads=64,num_kv_heads=8,vocab_size=50304,num_experts=128,"
                        "top_k=1,d_expert=16384")  # fmt: skip
    rows = plan(replace(small().problem, scored=(tiny, giant))).scored
    assert rows[0].candidate is None
    assert "its floor under the law is" in rows[0].why[0]
    assert "memory" in rows[1].why[0]
