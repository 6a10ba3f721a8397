"""Which layers of a family are of which kind, by the fields that say so."""

from math import inf

import pytest

from optimoe.arch.hf import from_config, to_config
from optimoe.arch.parts import UNLIMITED_WINDOW, MoE
from tests.arch.small_configs import small_config


def windows(config):
    spans = [group.mixer.window_tokens for group in from_config(config, "small").unrolled]
    return [inf if span >= UNLIMITED_WINDOW else span for span in spans]


@pytest.mark.parametrize(
    ("model_type", "first", "spans"),
    [("qwen2", 2, [inf, inf, 16, 16]), ("qwen2", 0, [16] * 4), ("qwen3", 3, [inf, inf, inf, 16])],
)
def test_windows_of_qwen_begin_at_the_stated_layer(model_type, first, spans):
    stated = {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": first, "layer_types": None}
    config = {name: value for name, value in (small_config(model_type) | stated).items() if value is not None}
    assert windows(config) == spans
    written = to_config(from_config(config, "small"), model_type)
    assert written["sliding_window"] == 16
    assert windows(written) == spans


@pytest.mark.parametrize(
    ("step", "routed"), [(1, [True] * 4), (2, [False, True] * 2), (3, [False, False, True, False])]
)
def test_arctic_routes_the_last_of_each_step_of_layers(step, routed):
    config = small_config("arctic") | {"moe_layer_frequency": step}
    groups = from_config(config, "small").unrolled
    assert [isinstance(group.ffn, MoE) for group in groups] == routed


@pytest.mark.parametrize("model_type", ["jamba", "mamba"])
def test_an_automatic_rank_of_step_sizes_is_a_16th_of_the_width_rounded_up(model_type):
    names = {"jamba": "mamba_dt_rank", "mamba": "time_step_rank"}
    config = small_config(model_type) | {"hidden_size": 520, names[model_type]: "auto"}
    (rank,) = {group.mixer.dt_rank for group in from_config(config, "small").layers if group.mixer.recurrent}
    assert rank == 33


@pytest.mark.parametrize("model_type", ["mistral", "mixtral", "phimoe"])
def test_one_window_of_all_layers_is_written_as_a_width_alone(model_type):
    config = small_config(model_type) | {"sliding_window": 16}
    written = to_config(from_config(config, "small"), model_type)
    assert windows(written) == windows(config) == [16] * 4
    assert written["sliding_window"] == 16 and "layer_types" not in written
