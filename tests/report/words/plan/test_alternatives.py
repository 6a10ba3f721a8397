"""What else could be trained stands in a short table, each design with its numbers and what is against it."""

from dataclasses import replace

from optimoe.arch.catalog import find_model
from optimoe.core.units import format_count, format_usd
from optimoe.planner.plan import plan
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.result import LawChoice
from optimoe.report.pages.plan_page import plan_page
from optimoe.report.words.layout import blocks_text
from optimoe.report.words.plan.alternatives import MOST, against, alternatives_table, by_law_table, routing_words
from optimoe.report.words.plan.answer import plan_blocks
from tests.planner.asked import SMALL, plain, problem


def test_the_choice_is_the_first_row_and_others_follow_by_their_dollars(result):
    head, first, *others = (row for row in alternatives_table(result).rows if row[0] != "dense, whole budget")
    assert first[0] == "the choice"
    assert first[head.index("all")] == format_usd(result.choice.total_usd)
    numbers = [item.family.num_experts for item in result.alternatives if item.candidate]
    cheapest = {
        number: min(
            item.candidate.total_usd
            for item in result.alternatives
            if item.candidate and item.family.num_experts == number
        )
        for number in set(numbers) - {result.choice.family.num_experts}
    }
    shown = [row[head.index("all")] for row in others if row[head.index("all")] != "–"]
    assert shown == [format_usd(usd) for usd in sorted(cheapest.values())]


def test_laws_that_were_asked_besides_stand_side_by_side_each_with_its_choice_or_the_reason(result):
    other = next(item.candidate for item in result.alternatives if item.candidate and not item.family.dense)
    found = replace(
        result,
        by_law=(
            LawChoice(law="fitted", source="runs", candidate=result.choice),
            LawChoice(law="anchored", source="runs", candidate=other),
            LawChoice(law="dense", source="paper", candidate=None, reason="ranks dense models alone"),
        ),
    )
    heads, first, second, none = by_law_table(found).rows
    assert first[:2] == ("fitted", routing_words(result.choice.family))
    assert second[heads.index("all")] == format_usd(other.total_usd)
    assert second[heads.index("total")] == format_count(other.params.total)
    loss = other.loss
    assert second[heads.index("loss")] == f"{loss.value:.3f} ({loss.low:.3f} – {loss.high:.3f})"
    assert set(none[1:-1]) == {"–"} and none[-1] == "ranks dense models alone"
    text = "\n".join(blocks_text(plan_blocks(found)))
    assert "The same question by law" in text
    assert "The same question by law" not in "\n".join(blocks_text(plan_blocks(result)))
    assert "The same question by law" in plan_page(found)


def test_few_designs_are_shown_and_the_dense_one_always():
    space = replace(SMALL, num_experts=(1, 2, 4, 8, 16, 32, 64, 128))
    table = alternatives_table(plan(problem(space=space)))
    assert len(table.rows) <= 2 + MOST + 2
    assert [row[0] for row in table.rows].count("dense") == 1


def test_what_exceeds_the_budget_or_is_dearer_says_so(result):
    for item in result.alternatives:
        if item.candidate is None or item.family == result.choice.family:
            continue
        words = against(result, item.candidate)
        if result.over_budget(item.candidate):
            assert "× the training budget" in words
        elif item.candidate.serve_usd > result.choice.serve_usd:
            assert "serving +" in words


def test_a_dearer_server_says_on_what_its_gpus_spend_more_time(result):
    choice = result.choice
    parts = {
        part: 3.0 * seconds if part == "kv_reads_s" else seconds for part, seconds in choice.serving.parts.items()
    }
    fleet = replace(choice.fleet, usd=2.0 * choice.fleet.usd)
    slow = replace(choice, serving=replace(choice.serving, parts=parts), fleet=fleet)
    assert against(result, slow) == "serving +100%: reads more cache"


def test_a_model_of_one_s_own_has_a_row_of_its_own():
    own = plan(problem(law="optimoe2026", scored=(find_model("mixtral-8x7b"),)))
    head, *rows = alternatives_table(own).rows
    (mixtral,) = (row for row in rows if row[0] == "mixtral-8x7b")
    assert mixtral[head.index("active")] == "12.9B"
    unranked = plan(
        problem(law="besiroglu2024", space=replace(SMALL, num_experts=(1,)), scored=(find_model("mixtral-8x7b"),))
    )
    assert alternatives_table(unranked).rows[-1][-1] == "not ranked: routed experts (a dense law)"


def test_kinds_of_attention_that_no_law_sees_have_rows_of_their_own_and_full_attention_always():
    space = plain(num_experts=(8,), attention=("gqa", "gqa-swa"), max_width=2048)
    table = alternatives_table(plan(problem(space=space)))
    assert [row[0] for row in table.rows[1:]] == ["the choice", "E = 8, top-1, gqa"]
    assert table.title.endswith("of experts or kinds of attention")


def test_a_family_is_named_by_how_it_routes(result):
    assert routing_words(Family(num_experts=64, top_k=8, num_shared_experts=1)) == "E = 64, top-8, 1 shared"
    assert routing_words(Family(num_experts=1)) == "dense"
    assert format_count(result.choice.params.active) in alternatives_table(result).rows[1]


def test_the_best_dense_model_of_the_budget_stands_beside_that_of_equal_loss(result):
    head, *rows = alternatives_table(result).rows
    (whole,) = (row for row in rows if row[0] == "dense, whole budget")
    best = result.best_dense
    assert whole[head.index("loss")] == f"{best.loss.value:.3f}"
    assert whole[head.index("all")] == format_usd(best.total_usd)
    assert whole[-1].startswith(f"{best.loss.value - result.choice.loss.value:.3f} nats above")


def test_a_design_that_passes_the_dollars_of_the_goal_says_by_how_much(result):
    choice = result.choice
    asked = replace(result.problem, goal=LowestLoss(total_usd=choice.total_usd))
    dear = replace(choice, fleet=replace(choice.fleet, usd=choice.fleet.usd + choice.total_usd))
    assert against(replace(result, problem=asked), dear).startswith("2.0× the total dollars, serving +")
    assert "dollars" not in against(result, dear)
