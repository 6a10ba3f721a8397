"""How sure a choice is, in words, prints its numbers."""

from dataclasses import replace

from optimoe.core.units import format_count
from optimoe.report.words.plan.confidence import laws_sentences, robustness_sentences
from tests.report.plans import doubts


def test_doubts_are_said_with_their_numbers(result):
    law, sweep, mfu, limit = robustness_sentences(result, doubts())
    assert "over 8 draws" in law
    assert "in 75%, " in law
    assert "$12,345" in law
    assert "26 proxies" in sweep
    assert "$1,191" in sweep
    assert "$9,876" in sweep
    assert mfu.startswith("MFU decides: × 0.75 → ")
    assert limit == "TPOT limit decides: × 0.7 → nothing feasible"


def test_a_choice_that_nothing_changes_is_said_to_stay(result):
    calm = replace(doubts(), swings=doubts().swings[1:2])
    assert robustness_sentences(result, calm)[-1].endswith("stays the choice when any one of these moves: demand")
    unknown = replace(doubts(), uncertainty=None, unknown="its scatter is not stated")
    assert robustness_sentences(result, unknown)[0].endswith("its scatter is not stated")


def test_every_law_says_what_it_would_train(result):
    sentences = laws_sentences(result)
    assert len(sentences) == len(result.laws)
    for view, sentence in zip(result.laws, sentences, strict=True):
        assert sentence.startswith(f"{view.law}: ")
        assert f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens" in sentence
