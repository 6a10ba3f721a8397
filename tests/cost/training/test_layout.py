import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.training.estimate import estimate_training
from optimoe.cost.training.layout import TrainLayout
from tests.cost.training.runs import MIXTRAL, run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tp": 3, "dp": 32}, r"tp × pp × dp: must be at most the 64 GPUs, got 3 × 1 × 32"),
        ({"tp": 64, "dp": 1}, r"tp: must be a divisor of num_heads = 32 \(nearest: 32\), got 64"),
        ({"ep": 16, "dp": 64}, r"ep: must be a divisor of num_experts = 8 \(nearest: 8\), got 16"),
        ({"micro_batch": 3, "dp": 64}, r"sequences of a step: must be within 10% of .* \(nearest: 576\), got 512"),
        ({"pp": 64}, "pp: must be at most num_layers = 32"),
        ({"pp": 16, "dp": 4, "interleave": 4}, "interleave: must be at most the layers of a stage, 2"),
    ],
)
def test_a_bad_layout_is_one_line(changed, message):
    with pytest.raises(ConfigError, match=message):
        estimate_training(MIXTRAL, run(), TrainLayout(**changed))
