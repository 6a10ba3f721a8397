"""``optimoe reproduce``."""

from tests.app.run import answer, optimoe


def test_a_text_is_reproduced_with_a_verdict_for_each_number():
    rows = answer("reproduce", "epoch2024")["rows"]
    assert {"published", "ours", "verdict"} <= set(rows[0])
    done = optimoe("reproduce", "nobody2030")
    assert done.returncode == 2
    assert "epoch2024" in done.stderr
