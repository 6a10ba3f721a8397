"""A plan as a person reads it holds all that is asked for, the decision first and the doubts last."""

from optimoe.report.words.layout import blocks_text
from optimoe.report.words.lines import Table
from optimoe.report.words.plan.answer import plan_blocks
from optimoe.report.words.plan.headline import headline
from tests.report.plans import doubts


def test_a_plan_begins_with_what_decides_and_ends_with_what_is_doubtful(result):
    blocks = plan_blocks(result, doubts())
    assert blocks[0] == headline(result)
    labels = [label for block in blocks if isinstance(block, list) for label, _ in block if label]
    assert labels == [
        "Budget", "Traffic", "On", "Model", "Train", "Loss", "Serve", "Speed", "Energy", "Total",
        "Why", "Labs", "Sure", "Laws", "Careful",
    ]  # fmt: skip
    assert sum(isinstance(block, Table) for block in blocks) == 1


def test_the_lines_name_all_a_reader_asks_for(result):
    text = "\n".join(blocks_text(plan_blocks(result)))
    for word in ("active", "layers", "heads", "tokens", "nats/token", "TPOT", "TTFT", "training", "GPU hours"):
        assert word in text
    assert result.problem.law.row.name in text


def test_a_plan_is_a_screen_not_a_list(result):
    """Designs are few whatever the space holds: what a person reads fits two screens of 40 rows."""
    assert len(blocks_text(plan_blocks(result, doubts()), 120)) <= 80
