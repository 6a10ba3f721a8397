"""Decoders of exponentially gated recurrences alone: RWKV-4 and xLSTM."""

from optimoe.arch.hf.families.shared import UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.recurrent.exponential import Factored, MatrixMemoryFields, Receptive, TimeMixingFields
from optimoe.arch.hf.recurrent.kinds import AllLinear

EXPONENTIAL: dict[str, ConfigFamily] = {
    "rwkv": ConfigFamily(
        architecture="RwkvForCausalLM",
        linear=TimeMixingFields(),
        kinds=AllLinear(),
        dense=Receptive(),
        norm="layernorm",
        num_end_norms=2,
        defaults=UNTIED,
    ),
    "xlstm": ConfigFamily(
        architecture="xLSTMForCausalLM",
        linear=MatrixMemoryFields(),
        kinds=AllLinear(),
        dense=Factored(width="ffn_proj_factor"),
        aliases={"num_blocks": "num_hidden_layers"},
        never_tied=True,
        same={"embedding_dim": "hidden_size"},
        defaults=UNTIED,
        only={"use_bias": False},
    ),
}
"""By ``model_type``."""
