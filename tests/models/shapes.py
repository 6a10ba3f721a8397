"""Every part that is built, in small models."""

from optimoe.arch.parts import PEER, Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import LayerGroup
from tests.models.build import make_arch

HEADS = {"num_heads": 4, "num_kv_heads": 2, "head_dim": 4}
LATENT = {"num_heads": 2, "kv_lora_rank": 6, "qk_nope_dim": 4, "qk_rope_dim": 2, "v_dim": 3}
MIXERS = {
    "grouped": Attention(**HEADS),
    "biases": Attention(**HEADS, qkv_bias=True, output_bias=True),
    "norm per head": Attention(**HEADS, qk_norm="head"),
    "norm over heads": Attention(**HEADS, qk_norm="full"),
    "sinks": Attention(**HEADS, sinks=True),
    "gated": Attention(**HEADS, output_gate=True, qkv_bias=True),
    "window": Attention(**HEADS, window_tokens=3),
    "chunks": Attention(**HEADS, window_tokens=3, chunked=True),
    "window and sinks": Attention(**HEADS, window_tokens=3, sinks=True),
    "latent": LatentAttention(**LATENT),
    "compressed latent": LatentAttention(**LATENT, q_lora_rank=5, bias=True),
}
ROUTED = {"num_experts": 4, "top_k": 2, "d_expert": 6}
FFNS = {
    "dense": DenseFFN(d_ff=10),
    "plain": DenseFFN(d_ff=10, gated=False, bias=True),
    "routed": MoE(**ROUTED),
    "routed plain": MoE(**ROUTED, gated=False),
    "biases": MoE(**ROUTED, router_bias=True, expert_bias=True),
    "shared": MoE(**ROUTED, num_shared_experts=2, d_shared=3),
    "gated shared": MoE(**ROUTED, num_shared_experts=1, d_shared=3, shared_gate=True),
    "latent": MoE(**ROUTED, d_latent=4),
    "product keys": PEER(num_keys=5, num_heads=2, top_k=3, d_key=4),
    "product keys without norm": PEER(num_keys=5, num_heads=2, top_k=3, d_key=4, query_norm=False),
}


def with_mixer(mixer, ffn=None, **group):
    return make_arch(layers=(LayerGroup(num_layers=2, mixer=mixer, ffn=ffn or DenseFFN(d_ff=10), **group),))


ARCHS = {
    **{f"mixer {name}": with_mixer(mixer) for name, mixer in MIXERS.items()},
    **{f"ffn {name}": make_arch(ffn) for name, ffn in FFNS.items()},
    "tied": make_arch(tied_embeddings=True, unembedding_bias=True),
    "layernorm": make_arch(norm="layernorm"),
    "layernorm without bias": make_arch(norm="layernorm_no_bias"),
    "layernorm without weight": make_arch(norm="layernorm_no_weight"),
    "learned positions": make_arch(num_positions=32),
    "four norms": with_mixer(MIXERS["grouped"], num_norms=4),
    "residual": with_mixer(MIXERS["grouped"], MoE(**ROUTED), residual=DenseFFN(d_ff=16), num_norms=3),
    "residual without norm": with_mixer(MIXERS["grouped"], MoE(**ROUTED), residual=DenseFFN(d_ff=16)),
    "several groups": make_arch(
        layers=(
            LayerGroup(num_layers=1, mixer=MIXERS["grouped"], ffn=DenseFFN(d_ff=20)),
            LayerGroup(num_layers=2, mixer=MIXERS["window"], ffn=MoE(num_experts=8, top_k=1, d_expert=4)),
            LayerGroup(num_layers=1, mixer=MIXERS["latent"], ffn=FFNS["shared"]),
            LayerGroup(num_layers=1, mixer=MIXERS["norm per head"], ffn=FFNS["product keys"]),
        )
    ),
}
