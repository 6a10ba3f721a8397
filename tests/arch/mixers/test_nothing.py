"""A layer without a token mixer."""

from dataclasses import replace

import pytest

from optimoe import predict_serving
from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.memory import kv_bytes
from optimoe.arch.parts import NoMixer
from optimoe.arch.spec import ArchSpec
from optimoe.cost.training.estimate import predict
from optimoe.cost.training.layout import TrainLayout
from tests.cost.training.runs import run

WHOLE = find_model("llama-3.1-8b")


def without(layers: int) -> ArchSpec:
    """Llama 8B whose last layers do not mix."""
    (group,) = WHOLE.layers
    none = replace(group, num_layers=layers, mixer=NoMixer())
    return replace(WHOLE, layers=(replace(group, num_layers=group.num_layers - layers), none))


def test_a_layer_without_a_mixer_lacks_its_weights_its_flops_its_cache_and_its_all_reduce():
    mixer, whole, part = WHOLE.layers[0].mixer, count(WHOLE), count(without(8))
    assert whole.params.total - part.params.total == 8 * mixer.params(WHOLE.d_model)
    assert part.decode.attention * 32 == whole.decode.attention * 24
    assert part.decode.dense_ffn == whole.decode.dense_ffn
    assert kv_bytes(without(8), 100) * 32 == kv_bytes(WHOLE, 100) * 24
    assert (part.state_bytes, part.tensor_parallel_collectives) == (0, whole.tensor_parallel_collectives - 8)


def test_a_layer_without_a_mixer_costs_less_memory_and_time_to_train():
    layout, question = TrainLayout(tp=2, dp=4), run(gpus=8, sequences=8)
    (step, memory), (part_step, part_memory) = (predict(arch, question, layout) for arch in (WHOLE, without(8)))
    assert part_memory.activations < memory.activations
    assert part_memory.weights < memory.weights
    assert part_step.total_s < step.total_s


@pytest.mark.parametrize("gpus", [1, 4])
def test_a_layer_without_a_mixer_costs_less_time_to_serve(gpus):
    whole, part = (
        predict_serving(arch, gpus=f"{gpus}xh100-sxm", tp=gpus, concurrency=8) for arch in (WHOLE, without(8))
    )
    assert part.tpot_s < whole.tpot_s
    assert part.ttft_s < whole.ttft_s
    assert part.max_batch > whole.max_batch
