"""Configurations with a field missing, null or changed: where both read one, the counts are equal."""

import json
import os
from itertools import islice

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.core.errors import InputError
from tests.arch.small_configs import SMALL, small_config
from tests.arch.test_against_transformers import built_parameters

EVERY = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 3
"""Of so many variants one is compared: all in ``make long``."""

ADDED: dict[str, list] = {
    "attention_bias": [True, False],
    "decoder_sparse_step": [2],
    "first_k_dense_replace": [0, 2, 9],
    "full_attention_interval": [2],
    "head_dim": [20, None],
    "intermediate_size": [48],
    "interleave_moe_layer_step": [1],
    "layer_types": [["full_attention"] * 4],
    "lm_head_bias": [True],
    "mamba_conv_bias": [False],
    "mamba_dt_rank": ["auto"],
    "mlp_bias": [True],
    "mlp_layer_types": [["sparse"] * 4],
    "mlp_only_layers": [[0]],
    "moe_intermediate_size": [24],
    "moe_layers": [[1]],
    "n_routed_experts": [5],
    "n_shared_experts": [0, 1, 3, None],
    "no_rope_layers": [[1, 1, 1, 0]],
    "num_attention_heads": [8],
    "num_experts": [5],
    "num_hidden_layers": [1, 5],
    "num_key_value_heads": [1, 4, None],
    "num_local_experts": [5],
    "parallel_attn_mlp_res": [True],
    "q_lora_rank": [None, 20],
    "qkv_bias": [False, True],
    "shared_expert_intermediate_size": [24],
    "shared_intermediate_size": [0, 24],
    "sliding_window": [8, None],
    "tie_word_embeddings": [True, False],
    "use_qk_norm": [True, False],
    "v_head_dim": [20],
}


def variants(config):
    """Each field dropped, nulled and changed by itself, and each of ADDED put in."""
    for field, value in config.items():
        if field == "model_type":
            continue
        yield {name: kept for name, kept in config.items() if name != field}
        yield config | {field: None}
        if type(value) is int:
            yield config | {field: 2 * value}
        elif isinstance(value, bool):
            yield config | {field: not value}
    for field, values in ADDED.items():
        for value in values:
            yield config | {field: value}


@pytest.mark.parametrize("model_type", [*SMALL, "dbrx"])
def test_a_changed_configuration_counts_as_in_transformers_or_is_refused(model_type):
    """Refusing what ``transformers`` reads is allowed (a default that is not in our table); differing is not."""
    compared = 0
    first = len(model_type) % EVERY  # others of the next type
    for config in islice(variants(small_config(model_type)), first, None, EVERY):
        try:
            ours = count_params(from_config(config, model_type)).total
        except InputError:
            continue
        try:
            theirs = built_parameters(json.loads(json.dumps(config)))
        except Exception:  # noqa: BLE001 (whatever their classes raise: they refuse it)
            continue
        assert ours == theirs, config
        compared += 1
    assert compared > 30 / EVERY
