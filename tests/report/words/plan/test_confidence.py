"""How sure a choice is, in words, prints its numbers."""

from dataclasses import replace

from optimoe.core.units import format_count
from optimoe.planner.confidence.contending import Axis
from optimoe.planner.confidence.draws.contest import Chance
from optimoe.planner.confidence.shadow_prices import Relaxed
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.report.words.plan.confidence import (
    _promise,
    axis_words,
    laws_sentences,
    limit_words,
    limits_words,
    robustness_sentences,
    shares_words,
)
from tests.report.plans import doubts


def test_doubts_are_said_with_their_numbers(result):
    law, sweep, contending, laws, money, limits, mfu, limit = robustness_sentences(result, doubts())
    assert law.startswith("in 8 draws of the law the best is ")
    assert "in 75%, " in law
    assert "$12,345" in law
    assert "in 38%" in law
    assert "D beyond its range, read by assumption" in law
    assert "26 proxies" in sweep
    assert "$1,191" in sweep
    assert "$9,876" in sweep
    assert "known to 3.4% instead of 11.0%" in sweep
    assert contending.startswith("56 of 5,526 designs (1.0%) contend")
    assert contending.endswith(": nine in ten have E 8 – 64, active parameters 4.1B – 9.0B; settled: k 8")
    assert laws.startswith("over 2 laws, counted alike")
    assert "printed (as published)" in laws
    assert "over 99%" in money
    assert money.endswith("(h100-sxm $2 – $6)")
    worth = "$123,000 and 0.021 nats ($12,300 and 0.0021 nats per ms)"
    assert limits == f"more of a limit is worth: TPOT 50 → 60 ms {worth}; TTFT does not bind"
    assert mfu.startswith("MFU decides: × 0.75 → ")
    assert limit == "TPOT limit decides: × 0.7 → nothing feasible"


def test_a_choice_that_nothing_changes_is_said_to_stay(result):
    calm = replace(doubts(), swings=doubts().swings[1:2])
    assert robustness_sentences(result, calm)[-1].endswith("when it moves alone: demand")
    unknown = replace(doubts(), uncertainty=None, unknown="its scatter is not stated")
    assert robustness_sentences(result, unknown)[0].endswith("its scatter is not stated")


def test_every_law_says_what_it_would_train(result):
    sentences = laws_sentences(result)
    assert len(sentences) == len(result.laws)
    for view, sentence in zip(result.laws, sentences, strict=True):
        assert sentence.startswith(f"{view.law}: ")
        assert f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens" in sentence


def test_another_width_of_experts_decides_nothing(result):
    swing = doubts().swings[1]
    wider = replace(swing.choices[0], family=replace(swing.choices[0].family, num_shared_experts=1))
    assert not replace(swing, choices=(wider, wider)).changes(result.choice)


def test_many_numbers_of_experts_are_few_words():
    chances = [Chance(family=Family(num_experts=2**power), probability=1 / 8) for power in range(8)]
    words = shares_words(chances)
    assert words.startswith("dense in 12%, E = 2 in 12%")
    assert words.endswith("others in 38%")
    assert shares_words([Chance(family=Family(num_experts=8), probability=0.002)]) == "E = 8 in under 1%"


def test_what_was_promised_of_the_loss_is_said_as_it_was_asked(result):
    problem = result.problem
    assert _promise(replace(problem, goal=NearBest(loss_slack=0.01))) == "is within 1% of the lowest loss"
    assert _promise(replace(problem, goal=NearBest(loss_slack=0.0, slack_nats=0.02))) == (
        "is within 0.02 nats of the lowest loss"
    )
    assert _promise(replace(problem, goal=NearBest(loss_slack=0.0))) == "has the lowest loss"
    assert _promise(replace(problem, goal=LeastCost(max_loss=2.1))) == "reaches 2.1"
    assert not isinstance(problem.goal, LowestLoss)


def test_axes_and_limits_read_as_one_would_say_them():
    assert (
        axis_words(Axis(name="attention", values=("gqa", "mla"), space=("gqa", "mla"))) == "attention gqa or mla"
    )
    assert axis_words(Axis(name="tokens", values=(1e12, 1e12), space=(1e11, 1e13), ranged=True)) == "tokens 1.0T"
    price = doubts().shadow_prices[0]
    in_nats = replace(price, usual=Relaxed(by=10.0, usd=0.0, nats=0.021))
    assert limit_words(in_nats) == "TPOT 50 → 60 ms 0.021 nats (0.0021 nats per ms)"
    of_loss = replace(
        in_nats, limit="loss", unit="0.01 nats", stated=207.0, usual=Relaxed(by=2.0, usd=9.0, nats=0.0)
    )
    assert limit_words(of_loss) == "loss 2.070 → 2.090 $9.00 ($4.50 per 0.01 nats)"
    flops = replace(
        in_nats,
        limit="training FLOPs",
        unit="1e21 FLOP",
        stated=3000.0,
        usual=Relaxed(by=600.0, usd=0.0, nats=0.006),
    )
    assert limit_words(flops) == "training FLOPs 3e+24 → 3.6e+24 FLOP 0.006 nats (1e-05 nats per 1e21 FLOP)"
    days = replace(
        in_nats, limit="training time", unit="day", stated=45.0, usual=Relaxed(by=9.0, usd=0.0, nats=0.9)
    )
    assert limit_words(days) == "training time 45 → 54 days 0.9 nats (0.1 nats per day)"
    budget = replace(in_nats, unit="$1,000", stated=3750.0, usual=Relaxed(by=750.0, usd=0.0, nats=0.0075))
    assert "$3.75M → $4.50M" in limit_words(budget)
    assert limits_words([replace(price, usual=price.small)]) == "TPOT does not bind"
