"""``optimoe cost train``."""

import pytest

from tests.app.run import answer, optimoe


def test_a_training_run_has_its_layout_speed_and_dollars():
    record = answer(
        "cost", "train", "mixtral-8x7b", "--gpus", "64xh100-sxm", "--tokens", "100B", "--train-usd-per-hour", "2"
    )
    layout = record["layout"]
    assert layout["tp"] * layout["pp"] * layout["dp"] == 64
    assert 0 < record["mfu_low"] < record["mfu"] < record["mfu_high"] <= 1
    assert record["usd"] == pytest.approx(record["days"] * 24 * 64 * 2.0, rel=1e-6)
    assert record["train_gpu_hours"] == pytest.approx(record["days"] * 24 * 64)
    assert record["train_gpu_hours_low"] < record["train_gpu_hours"] < record["train_gpu_hours_high"]
    assert "0.0694" in record["batch_source"]
    done = optimoe("cost", "train", "deepseek-v3", "--gpus", "8xh100-sxm", "--tokens", "1T")
    assert done.returncode == 3
