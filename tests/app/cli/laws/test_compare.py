"""``optimoe laws compare`` and ``decide``."""

from tests.app.run import answer


def test_laws_are_compared_on_one_design_and_one_budget():
    record = answer("laws", "compare", "mixtral-8x7b", "--tokens", "1T", "--laws", "ludziejewski2025")
    (opinion,) = record["opinions"]
    assert opinion["difference"] < 0
    assert not opinion["inside"]
    verdicts = answer("laws", "decide", "--train-flops", "1e22")["verdicts"]
    assert {"num_experts", "tokens_per_param_dense"} <= {verdict["question"] for verdict in verdicts}
