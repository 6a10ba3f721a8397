"""Every law says what it would train."""

from optimoe.core.units import format_count
from optimoe.report.words.plan.laws import laws_sentences


def test_every_law_says_what_it_would_train(result):
    sentences = laws_sentences(result)
    assert len(sentences) == len(result.laws)
    for view, sentence in zip(result.laws, sentences, strict=True):
        assert sentence.startswith(f"{view.law}: ")
        assert f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens" in sentence
