from dataclasses import replace

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.operators import MeasuredStanding
from tests.cost.serving.accuracy.cases import H100, MINE, of, side


def test_every_side_says_why_in_words():
    found = of(gpu=MINE, precision="nvfp4", draft_tokens=1, acceptance=0.5, gpus=16, layout=Layout(tp=16))
    words = {one.name: one.words for one in found.sides}
    assert "mine" in words["accelerator"]
    assert "nvfp4" in words["precision"]
    assert "drafted" in words["drafts"]
    assert "tp 16" in words["layout"]
    assert "2 nodes" in words["nodes"]
    assert all(one.words for one in found.sides)


def test_another_memory_of_a_measured_gpu_is_the_same_gpu():
    assert side(of(gpu=find_accelerator("h100-sxm@141GB")), "accelerator").standing is MeasuredStanding.END_TO_END


def test_a_gpu_of_a_measured_architecture_adds_less_than_one_of_none():
    sister = side(of(gpu=replace(H100, name="sister")), "accelerator")
    stranger = side(of(gpu=MINE), "accelerator")
    assert sister.standing is MeasuredStanding.ARCHITECTURE
    assert stranger.standing is MeasuredStanding.NEVER
    assert sister.width("tpot").up < stranger.width("tpot").up


def test_a_load_within_the_measured_adds_nothing():
    found = of(concurrency=64)
    for name in ("requests", "context", "layout"):
        assert side(found, name).standing is MeasuredStanding.END_TO_END
        assert not side(found, name).width("tpot")
