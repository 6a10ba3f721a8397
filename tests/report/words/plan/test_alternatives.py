"""Every other family stands beside the choice with its numbers."""

from optimoe.core.units import format_change, format_usd
from optimoe.report.words.plan.answer import plan_lines


def test_every_other_family_is_compared_with_the_choice(result):
    lines = plan_lines(result)
    text = "\n".join(text for _, text in lines)
    for item in result.alternatives:
        if item.candidate and item.family != result.choice.family:
            assert format_change(item.candidate.train_usd, result.choice.train_usd) in text
            assert f"total {format_usd(item.candidate.total_usd)}" in text
