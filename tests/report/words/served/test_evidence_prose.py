from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.report.words.served.evidence_prose import basis_words, nearest_words
from tests.cost.serving.accuracy.cases import MINE, asked


def test_what_was_measured_is_said_in_one_line():
    found = evidence(*asked())
    line = basis_words(found)
    assert line.startswith("measured: h100-sxm fp8 vllm of 2025–26 (")
    assert "requests a rank" in line
    assert "\n" not in line


def test_what_was_not_is_said_with_the_nearest_that_was_and_how_far_the_band_widens():
    found = evidence(*asked(gpu=MINE, precision="nvfp4"))
    line = basis_words(found)
    assert line.startswith("mine nvfp4 vllm: ")
    assert "neither mine nor a kernel of its architecture (of my own) was measured" in line
    assert "no deployment in nvfp4" in line
    assert f"nearest {nearest_words(found.nearest)}" in line
    low, high = found.tpot.around(1.0)
    assert f"TPOT {low:.2f}–{high:.2f} of the estimate" in line
