"""Designs that tests put before laws."""

from dataclasses import replace

from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.laws.catalog import find_law, law_names

ATTENTION = Attention(num_heads=16, num_kv_heads=16, head_dim=64)


D_MODEL, LAYERS, VOCABULARY = 1024, 16, 50_000


def make(ffn):
    layers = (LayerGroup(num_layers=LAYERS, mixer=ATTENTION, ffn=ffn),)
    return ArchSpec(name="test", vocab_size=VOCABULARY, d_model=D_MODEL, layers=layers)


DENSE = make(DenseFFN(d_ff=4096, gated=False))


SWITCH = make(MoE(num_experts=32, top_k=1, d_expert=4096, gated=False))


FINE = make(MoE(num_experts=512, top_k=8, d_expert=512, gated=False))


HALF = replace(
    SWITCH,
    layers=(
        LayerGroup(num_layers=LAYERS // 2, mixer=ATTENTION, ffn=DENSE.layers[0].ffn),
        LayerGroup(num_layers=LAYERS // 2, mixer=ATTENTION, ffn=SWITCH.layers[0].ffn),
    ),
)
"""Experts in one half of the layers, as Clark's runs had them."""


SHARED = make(MoE(num_experts=64, top_k=6, d_expert=1024, num_shared_experts=2, d_shared=1024))


USABLE = [name for name in law_names() if find_law(name).row.status in ("verified", "transcribed")]
