"""Cache and state of a sequence against what the modules of ``transformers`` keep."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from tests.arch.small_configs import SMALL, small_config

torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
TOKENS = 7

RECURRENT = [name for name in SMALL if count_params(from_config(small_config(name), name)).recurrent]


def run(model_type):
    """A small model, and what it gives for TOKENS tokens."""
    config = small_config(model_type)
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[config.pop("model_type")](**config)
    model = transformers.AutoModelForCausalLM.from_config(made)
    with torch.no_grad():
        return model, model(torch.arange(1, 1 + TOKENS)[None], use_cache=True)


def kept(model_type):
    """Values that a module keeps of one sequence of TOKENS: in growing caches, and in states of fixed size."""
    _, out = run(model_type)
    if (states := getattr(out, "state", None)) is not None:  # RWKV
        return 0, sum(state.numel() for state in states)
    cache = getattr(out, "past_key_values", None) or out.cache_params
    growing = fixed = 0
    if hasattr(cache, "rnn_state"):  # xLSTM
        return 0, sum(state.numel() for states in cache.rnn_state.values() for state in states)
    for layer in cache.layers:
        for name in ("keys", "values"):
            growing += 0 if (held := getattr(layer, name, None)) is None else held.numel()
        states = [getattr(layer, name, {}).get(0) for name in ("conv_states", "recurrent_states")]
        for state, dropped in zip(states, (1, 0), strict=True):  # the next step drops a convolution's oldest input
            fixed += 0 if state is None else state[..., dropped:].numel()
    return growing, fixed + sum(state.numel() for state in getattr(cache, "linear_cache", ()) if len(state))


@pytest.mark.parametrize("model_type", [name for name in RECURRENT if name != "recurrent_gemma"])
def test_a_sequence_takes_the_values_that_its_module_keeps(model_type):
    layers = from_config(small_config(model_type), model_type).unrolled
    growing, fixed = kept(model_type)
    assert sum(layer.mixer.state_values for layer in layers) == fixed
    assert sum(layer.mixer.held_values(TOKENS) for layer in layers) == growing


def test_a_recurrent_block_of_griffin_keeps_what_its_module_holds_in_itself():
    model, _ = run("recurrent_gemma")
    held = [
        getattr(module, name, None) for module in model.modules() for name in ("conv1d_state", "recurrent_states")
    ]
    layers = from_config(small_config("recurrent_gemma"), "x").unrolled
    assert sum(layer.mixer.state_values for layer in layers) == sum(
        state.numel() for state in held if state is not None
    )
