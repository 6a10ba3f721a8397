"""AltUp: the parameters of the module, and what several streams change of a model."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops
from optimoe.arch.params import count_params
from optimoe.arch.residual.altup import AltUp
from optimoe.core.errors import ConfigError

WIDTH = 48


def test_parameters_of_a_layer_are_those_of_the_module():
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    from transformers.models.gemma3n import modeling_gemma3n

    config = modeling_gemma3n.Gemma3nTextConfig(hidden_size=WIDTH, altup_num_inputs=3)
    with torch.device("meta"):
        module = modeling_gemma3n.Gemma3nTextAltUp(config)
    assert AltUp(num_streams=3).params(WIDTH) == sum(values.numel() for values in module.parameters())


def test_streams_cost_matrices_at_both_ends_and_a_router_that_runs_twice_a_layer():
    plain, streams = find_model("llama-3.1-8b"), AltUp(num_streams=4)
    wide = replace(plain, layers=tuple(replace(group, streams=streams) for group in plain.layers))
    d, layers = plain.d_model, plain.num_layers
    ends = 2 * 3 * d**2
    assert count_params(wide).streams == layers * (4 * d + 64 + 16 + 2 * d) + ends
    per_layer = 2 * (2 * 4 * d + 64 + 16) + 2 * 16 * d
    assert decode_flops(wide, 100).streams == layers * per_layer + 2 * ends


def test_no_stream_is_refused():
    with pytest.raises(ConfigError, match="num_streams"):
        AltUp(num_streams=0)
