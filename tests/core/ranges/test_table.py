import pytest

from optimoe.core.ranges.table import DEPLOYED_GPUS, HARDWARE, LATENCIES, REQUESTED, TRAINING_GPUS

EVERY = {**REQUESTED, **LATENCIES, **HARDWARE, "serve_gpus": DEPLOYED_GPUS, "train_gpus": TRAINING_GPUS}


@pytest.mark.parametrize("name", EVERY)
def test_every_range_is_wide_and_says_why_it_ends(name):
    limits = EVERY[name]
    assert limits.low >= 0
    assert 10 * limits.low <= limits.high < float("inf")
    assert len(limits.why.split()) >= 4
