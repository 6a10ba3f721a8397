"""A plan in lines holds all a reader asks for."""

from optimoe.report.words.plan.answer import plan_lines


def test_the_lines_name_all_a_reader_asks_for(result):
    lines = plan_lines(result)
    text = " ".join(text for _, text in lines)
    assert {"Budget", "Traffic", "Train", "Loss", "Serve", "Total", "Instead", "Laws"} <= {
        label for label, _ in lines
    }
    for word in ("active", "layers", "heads", "tokens", "nats/token", "TPOT", "TTFT", "training", "bound by"):
        assert word in text
    assert result.problem.law.row.name in text
