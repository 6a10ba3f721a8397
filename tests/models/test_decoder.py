"""The decoder: counts, parts, training."""

import math

import numpy as np
import pytest
import torch

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.params import count_params
from optimoe.arch.parts import PEER, Attention, DenseFFN, Indexer, LatentAttention, Mamba, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.attention import rotary, rotate
from optimoe.models.balance import loads_of, training_loss, update_biases
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build, count_extra_params
from tests.models.build import ROUTERS, VOCAB, ids_of, make_arch, make_dense, top_k_of

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


def params_of(model):
    return sum(parameter.numel() for parameter in model.parameters())


def with_mixer(mixer, ffn=None, **group):
    return make_arch(layers=(LayerGroup(num_layers=2, mixer=mixer, ffn=ffn or DenseFFN(d_ff=10), **group),))


ARCHS = {
    **{f"mixer {name}": with_mixer(mixer) for name, mixer in MIXERS.items()},
    **{f"ffn {name}": make_arch(ffn) for name, ffn in FFNS.items()},
    "tied": make_arch(tied_embeddings=True, unembedding_bias=True),
    "layernorm": make_arch(norm="layernorm"),
    "layernorm without bias": make_arch(norm="layernorm_no_bias"),
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


@pytest.mark.parametrize("name", ARCHS)
def test_what_is_counted_is_what_is_built_and_every_parameter_learns(name):
    arch = ARCHS[name]
    model, ids_BS = build(arch), ids_of()
    assert params_of(model) == count_params(arch).total
    training_loss(model(ids_BS), ids_BS, LossConfig(z=0.1)).total.backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not dead


@pytest.mark.parametrize("name", ROUTERS)
def test_what_routers_add_is_counted_apart(name):
    config = ModelConfig(router=ROUTERS[name])
    for bias in (False, True):
        arch = make_arch(MoE(num_experts=4, top_k=top_k_of(config.router), d_expert=6, router_bias=bias))
        assert params_of(build(arch, config)) == count_params(arch).total + count_extra_params(arch, config)


def test_models_of_the_catalog_are_built_as_counted_or_say_what_is_missing():
    built, refused = [], {}
    for name in model_names():
        arch = find_model(name)
        try:
            with torch.device("meta"):
                model = build(arch)
        except ConfigError as error:
            refused[name] = str(error)
            continue
        assert params_of(model) == count_params(arch).total, name
        built.append(name)
    assert len(built) >= 15
    words = ("num_mtp_layers", "Indexer", "Mamba", "GatedDeltaNet", "LightningAttention", "num_norms")
    assert all(any(word in reason for word in words) for reason in refused.values()), refused


@pytest.mark.parametrize(
    ("arch", "word"),
    [
        (with_mixer(Mamba(d_inner=8, d_state=4, d_conv=4, dt_rank=2)), "Mamba"),
        (
            with_mixer(
                LatentAttention(**LATENT, q_lora_rank=4, indexer=Indexer(num_heads=1, head_dim=4, top_k=2))
            ),
            "Indexer",
        ),
        (make_arch(num_mtp_layers=1), "num_mtp_layers"),
        (make_arch(vocab_size=np.array([10, 20])), "one design"),
        (with_mixer(MIXERS["grouped"], num_norms=3), "num_norms"),
    ],
)
def test_parts_that_are_not_built_are_named(arch, word):
    with pytest.raises(ConfigError, match=word):
        build(arch)


def test_positions_beyond_the_learned_ones_are_refused():
    with pytest.raises(InputError, match="at most 4"):
        build(make_arch(num_positions=4))(ids_of(1, 5))


def attention_in_loops(layer, x_SD, rope):
    """One sequence, one head, one query at a time."""
    part, S = layer.part, len(x_SD)
    outputs = torch.zeros(S, part.num_heads, part.head_dim, dtype=x_SD.dtype)
    q, k, v = (m(x_SD).view(S, -1, part.head_dim) for m in (layer.query, layer.key, layer.value))
    if part.qk_norm == "head":
        q, k = layer.query_norm(q), layer.key_norm(k)
    if part.qk_norm == "full":
        q, k = layer.query_norm(q.flatten(1)).view_as(q), layer.key_norm(k.flatten(1)).view_as(k)
    cos, sin = rope
    for h in range(part.num_heads):
        for s in range(S):
            logits, values = [], []
            for t in range(s + 1):
                near = (
                    s // part.window_tokens == t // part.window_tokens
                    if part.chunked
                    else s - t < part.window_tokens
                )
                if near:
                    kv = h * part.num_kv_heads // part.num_heads
                    one, other = turn(q[s, h], cos[s], sin[s]), turn(k[t, kv], cos[t], sin[t])
                    logits.append((one @ other) / math.sqrt(part.head_dim))
                    values.append(v[t, kv])
            if layer.sink_H is not None:
                logits.append(layer.sink_H[h])
                values.append(torch.zeros_like(values[0]))
            outputs[s, h] = torch.softmax(torch.stack(logits), 0) @ torch.stack(values)
    y_SD = outputs.flatten(1)
    if layer.gate is not None:
        y_SD = y_SD * torch.sigmoid(layer.gate(x_SD))
    return layer.output(y_SD)


def turn(x, cos, sin):
    half = len(x) // 2
    return torch.cat([x[:half] * cos - x[half:] * sin, x[half:] * cos + x[:half] * sin])


@pytest.mark.parametrize("name", [name for name, mixer in MIXERS.items() if isinstance(mixer, Attention)])
def test_attention_is_that_of_plain_loops(name):
    torch.manual_seed(0)
    layer = build(with_mixer(MIXERS[name])).double().blocks[0].mixer
    for parameter in layer.parameters():
        parameter.data.normal_(std=0.5)
    x_BSD = torch.randn(2, 7, 16, dtype=torch.float64)
    rope = rotary(7, 4, 100.0, x_BSD)
    y_BSD = layer(x_BSD, rope)
    for b in range(2):
        torch.testing.assert_close(y_BSD[b], attention_in_loops(layer, x_BSD[b], rope), rtol=1e-10, atol=1e-10)


def test_rotary_products_depend_on_distance_alone():
    q, k = torch.randn(2, 8, dtype=torch.float64)
    turned = [rotate(x.expand(1, 1, 9, 8), rotary(9, 8, 10_000.0, x))[0, 0] for x in (q, k)]
    products = turned[0] @ turned[1].T
    for distance in range(9):
        diagonal = products.diagonal(-distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))


def train(model, config, steps=40, lr=1e-2):
    """A periodic text that a model of one layer can learn; the losses of all steps."""
    torch.manual_seed(0)
    text_BS = (torch.arange(17)[None] * 5 + torch.arange(8)[:, None]) % VOCAB
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        output = model(text_BS[:, :-1])
        loss = training_loss(output, text_BS[:, 1:], config.losses)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        if config.router.balanced_by_bias:
            update_biases(model, loads_of(output), 1e-3)
        losses.append(loss.language.item())
    return losses


@pytest.mark.parametrize("name", ROUTERS)
def test_a_model_learns_with_every_router(name):
    torch.manual_seed(0)
    router = ROUTERS[name]
    balances = router.kind in ("top_k", "expert_choice", "rl")
    config = ModelConfig(router=router, losses=LossConfig(balance=0.01 * balances))
    arch = make_arch(MoE(num_experts=4, top_k=top_k_of(router), d_expert=8), num_layers=1)
    losses = train(build(arch, config), config)
    assert losses[0] > 3 and losses[-1] < 0.75 * losses[0]


def test_a_model_learns_with_product_keys():
    config = ModelConfig()
    losses = train(build(make_arch(FFNS["product keys"], num_layers=1), config), config)
    assert losses[-1] < 0.75 * losses[0]


def test_a_dense_model_is_a_model_of_one_expert():
    dense, routed = (
        build(make_dense(8)).double(),
        build(make_arch(MoE(num_experts=1, top_k=1, d_expert=8))).double(),
    )
    state = dense.state_dict()
    for layer in (0, 1):
        prefix = f"blocks.{layer}.ffn."
        state[prefix + "experts.w_in"] = state.pop(prefix + "w_in.weight").T[None]
        state[prefix + "experts.w_out"] = state.pop(prefix + "w_out.weight").T[None]
        state[prefix + "router.weight"] = routed.state_dict()[prefix + "router.weight"]
    routed.load_state_dict(state)
    ids_BS = ids_of()
    torch.testing.assert_close(dense(ids_BS).logits_BSV, routed(ids_BS).logits_BSV, rtol=1e-13, atol=1e-13)


def test_tied_embeddings_are_one_parameter():
    model = build(make_arch(tied_embeddings=True))
    assert model.unembedding.weight is model.embedding.weight


def test_the_whole_model_compiles_with_the_same_gradients():
    config = ModelConfig(losses=LossConfig(balance=0.01, z=0.001))
    model, ids_BS = build(make_arch(num_layers=1), config), ids_of()
    results = []
    for run in (model, torch.compile(model, backend="aot_eager")):
        model.zero_grad()
        loss = training_loss(run(ids_BS), ids_BS, config.losses).total
        loss.backward()
        results.append((loss.detach(), [p.grad.clone() for p in model.parameters()]))
    torch.testing.assert_close(results[0], results[1])
