"""Every count of a grid is that of its designs, and counting one model loads no NumPy."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.count import active_share, count, share_of_experts, sparsity
from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config
from optimoe.arch.memory import (
    kv_bytes,
    kv_read_bytes,
)
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.arch.traffic import (
    expert_parallel_bytes_per_token,
    expert_parallel_collectives,
    pipeline_bytes_per_token,
)
from tests.arch.small_configs import SMALL, UNKNOWN_TO_TRANSFORMERS, small_config


def doubled(part):
    """Every count of a description as the pair of itself and twice itself."""
    changes = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "layers":
            changes[field.name] = tuple(doubled(item) for item in value)
        elif is_dataclass(value):
            changes[field.name] = doubled(value)
        elif type(value) is int and value != UNLIMITED_WINDOW:
            changes[field.name] = np.array([value, 2 * value])
    return replace(part, **changes)


def numbers(result):
    """Every number in a result, in order."""
    if is_dataclass(result):
        return [number for field in fields(result) for number in numbers(getattr(result, field.name))]
    if isinstance(result, dict | tuple):
        values = result.values() if isinstance(result, dict) else result
        return [number for value in values for number in numbers(value)]
    return [] if isinstance(result, str) else [result]


def everything(spec):
    """Each count of this package, on a short context and one that exceeds the windows."""
    return [
        *numbers(count(spec, 100)),
        *numbers(decode_flops(spec, 30)),
        kv_bytes(spec, 100),
        kv_read_bytes(spec, 100),
        expert_parallel_bytes_per_token(spec, 4),
        expert_parallel_collectives(spec),
        pipeline_bytes_per_token(spec, 4),
    ]


@pytest.mark.parametrize("model_type", [*SMALL, *UNKNOWN_TO_TRANSFORMERS])
def test_a_grid_in_every_count_is_its_designs(model_type):
    grid = doubled(from_config(small_config(model_type), "x"))
    many = [np.broadcast_to(number, 2) for number in everything(grid)]
    for index in (0, 1):
        one = everything(grid.at(index))
        assert [pair[index] for pair in many] == pytest.approx(one, rel=1e-14)
    assert grid.over(2).d_model.shape == (2, 1, 1)


def test_arch_loads_no_numpy():
    import subprocess
    import sys

    code = (
        "import sys\nfrom optimoe import count\nfrom optimoe.arch.catalog import find_model\n"
        "count(find_model('mixtral-8x7b'))\nassert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shared_experts_count_among_the_active_and_all_but_not_in_the_sparsity_of_routed_ones():
    deepseek, dense = find_model("deepseek-v3"), find_model("llama-3.1-8b")  # 8 of 256 and 1 shared expert
    assert (sparsity(deepseek), sparsity(dense)) == (248 / 256, 0)
    assert (active_share(deepseek), active_share(dense)) == (9 / 257, 1)
    assert count(deepseek).active_share == active_share(deepseek)
    assert share_of_experts(256, 8, 0) == 8 / 256
