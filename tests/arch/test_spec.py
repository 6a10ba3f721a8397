"""Equal layers of a model in one group."""

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.memory import kv_bytes
from optimoe.arch.params import count_params
from optimoe.arch.spec import merged


@pytest.mark.parametrize(
    ("name", "layers"), [("gpt-oss-20b", [12, 12]), ("qwen3-next-80b-a3b", [36, 12]), ("deepseek-v3", [3, 58])]
)
def test_equal_layers_in_one_group_count_the_same_and_the_last_layer_stays_the_last(name, layers):
    spec = find_model(name)
    together = merged(spec)
    assert [group.num_layers for group in together.layers] == layers
    assert count_params(together) == count_params(spec)
    assert kv_bytes(together, 10_000) == kv_bytes(spec, 10_000)
    assert (together.layers[-1].mixer, together.layers[-1].ffn) == (spec.layers[-1].mixer, spec.layers[-1].ffn)
    assert merged(together) == together
