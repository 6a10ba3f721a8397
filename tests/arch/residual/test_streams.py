"""Hyper-connections: the parameters of the modules of two families, and FLOPs by their products."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops
from optimoe.arch.hf.own import own_config, read_own
from optimoe.arch.params import count_params
from optimoe.arch.residual.streams import HyperConnections
from optimoe.core.errors import ConfigError

WIDTH = 48


def with_streams(model, streams):
    return replace(model, layers=tuple(replace(group, streams=streams) for group in model.layers))


@pytest.mark.parametrize(("family", "mix"), [("deepseek_v4.DeepseekV4", True), ("hy_v4.HYV4", False)])
def test_parameters_are_those_of_the_module_and_of_the_last_sum(family, mix):
    import importlib

    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    folder, prefix = family.split(".")
    code = importlib.import_module(f"transformers.models.{folder}.modeling_{folder}")
    config = getattr(code, f"{prefix}Config")(hidden_size=WIDTH, hc_mult=3)
    with torch.device("meta"):
        one = getattr(code, f"{prefix}HyperConnection")(config)
        last = getattr(code, f"{prefix}HyperHead")(config)
    streams = HyperConnections(num_streams=3, mix=mix)
    assert streams.params(WIDTH) == 2 * sum(values.numel() for values in one.parameters())
    assert streams.last_params(WIDTH) == sum(values.numel() for values in last.parameters())


def test_a_model_of_several_streams_stores_and_multiplies_with_them_beside_its_parts():
    plain, streams = find_model("llama-3.1-8b"), HyperConnections(num_streams=4)
    wide, d = with_streams(plain, streams), plain.d_model
    added = 32 * streams.params(d) + streams.last_params(d)
    assert count_params(wide).streams == added
    assert count_params(wide).total - count_params(plain).total == added
    assert count_params(wide).active - count_params(plain).active == added
    products = 32 * 2 * (24 * 4 * d + 16 * d) + 16 * d  # weights of 4 streams and their mix, and the last sum
    assert decode_flops(wide, 1).streams == 2 * products
    assert decode_flops(wide, 1).total - decode_flops(plain, 1).total == 2 * products


def test_streams_are_written_as_plain_values_and_read_back():
    wide = with_streams(find_model("llama-3.1-8b"), HyperConnections(num_streams=2, mix=False))
    assert read_own(own_config(wide), wide.name) == wide


def test_one_stream_and_layers_of_different_streams_are_refused():
    with pytest.raises(ConfigError, match="num_streams: must be two or more, got 1"):
        HyperConnections(num_streams=1)
    model = find_model("deepseek-v3")
    mixed = (replace(model.layers[0], streams=HyperConnections(num_streams=2)), *model.layers[1:])
    with pytest.raises(ConfigError, match="streams: must be the same in every layer"):
        replace(model, layers=mixed)
