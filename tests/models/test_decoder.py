"""The decoder: counts, parts, training."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch._dynamo.backends.debugging import aot_eager

from optimoe.arch.parts import Attention, DenseFFN, Indexer, LatentAttention, Mamba, MoE, NoMixer
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.attention.places import Places
from optimoe.models.attention.rope import Rotary, rotate
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.losses import Balancer, training_loss
from optimoe.models.routers import Hash, SBase, TopK
from optimoe.models.routing import load_of
from tests.models.build import ROUTERS, VOCAB, ids_of, make_arch, make_dense, top_k_of
from tests.models.shapes import ARCHS, FFNS, LATENT, MIXERS, ROUTED, with_mixer


@pytest.mark.parametrize("name", ARCHS)
def test_every_parameter_of_every_part_learns(name):
    model, ids_BS = build(ARCHS[name]), ids_of()
    training_loss(model(ids_BS), ids_BS, LossConfig(z=0.1)).total.backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not dead


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
        (with_mixer(NoMixer()), "NoMixer"),
        (with_mixer(replace(MIXERS["norm per head"], qk_norm_bias=True)), "mixer: Attention"),
        (with_mixer(replace(MIXERS["grouped"], inner_norm=True)), "mixer: Attention"),
        (with_mixer(replace(MIXERS["grouped"], differential=True)), "mixer: Attention"),
        (make_arch(DenseFFN(d_ff=10, inner_norm=True)), "ffn"),
        (make_arch(num_end_norms=2), "num_end_norms"),
    ],
)
def test_parts_that_are_not_built_are_named(arch, word):
    with pytest.raises(ConfigError, match=word):
        build(arch)


@pytest.mark.parametrize(
    ("arch", "config", "words"),
    [
        (
            make_arch(MoE(num_experts=8.0, top_k=2, d_expert=8)),
            None,
            "num_experts: must be a whole number, got 8.0",
        ),
        (with_mixer(Attention(num_heads=4.0, num_kv_heads=2, head_dim=4)), None, "num_heads: must be a whole"),
        (make_arch(), {"router": {}}, "config: must be a ModelConfig"),
    ],
)
def test_numbers_and_tables_that_are_no_design_are_refused_by_name(arch, config, words):
    with pytest.raises(ConfigError, match=words):
        build(arch, config)


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
    rope = layer.rotary.angles(torch.arange(7), 4, x_BSD.dtype)
    y_BSD = layer(x_BSD, Places(torch.zeros(2, 7), None, None))
    for b in range(2):
        torch.testing.assert_close(y_BSD[b], attention_in_loops(layer, x_BSD[b], rope), rtol=1e-10, atol=1e-10)


def test_rotary_products_depend_on_distance_alone():
    q, k = torch.randn(2, 8, dtype=torch.float64)
    turned = [rotate(x.expand(1, 1, 9, 8), Rotary().rope(torch.arange(9), 8, x.dtype))[0, 0] for x in (q, k)]
    products = turned[0] @ turned[1].T
    for distance in range(9):
        diagonal = products.diagonal(-distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))


def train(model, config, steps=20, lr=1e-2):
    """A periodic text that a model of one layer can learn; the losses of all steps."""
    torch.manual_seed(0)
    text_BS = (torch.arange(17)[None] * 5 + torch.arange(8)[:, None]) % VOCAB
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    balancer = Balancer(model, 1e-3) if config.router.balanced_by_bias else None
    losses = []
    for _ in range(steps):
        output = model(text_BS[:, :-1])
        loss = training_loss(output, text_BS[:, 1:], config.losses)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        if balancer:
            balancer.add(output)
            balancer.step()
        losses.append(loss.language.item())
    return losses


@pytest.mark.parametrize("name", ROUTERS)
def test_a_model_learns_with_every_router(name):
    torch.manual_seed(0)
    router = ROUTERS[name]
    balances = router.kind in ("top_k", "expert_choice", "policy_gradient")
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


META = {
    name: (make_arch(MoE(num_experts=4, top_k=top_k_of(router), d_expert=8)), ModelConfig(router=router))
    for name, router in ROUTERS.items()
}
META |= {name: (ARCHS[name], ModelConfig()) for name in ARCHS}


@pytest.mark.parametrize("name", META)
def test_a_model_built_on_the_meta_device_is_whole_after_a_reset(name):
    arch, config = META[name]
    plain = build(arch, config)
    with torch.device("meta"):
        model = build(arch, config)
    model.to_empty(device="cpu")
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data.fill_(7)
    for each in (plain, model):
        torch.manual_seed(0)
        each.reset_parameters()
    one, other = (dict((*m.named_parameters(), *m.named_buffers())) for m in (plain, model))
    assert list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)


def test_tied_embeddings_are_one_parameter():
    model = build(make_arch(tied_embeddings=True))
    assert model.unembedding.weight is model.embedding.weight


def test_a_state_that_is_assigned_leaves_tied_embeddings_tied():
    model, other = build(make_arch(tied_embeddings=True)), build(make_arch(tied_embeddings=True))
    state = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    model.load_state_dict(state, assign=True)
    assert model.unembedding.weight is model.embedding.weight
    assert torch.equal(model(ids_of()).logits_BSV, other(ids_of()).logits_BSV)
    state["unembedding.weight"] = state["unembedding.weight"] + 1
    with pytest.raises(InputError, match="unembedding"):
        model.load_state_dict(state, assign=True)


COMPILED = {
    "bias and capacity": TopK(score="sigmoid", balanced_by_bias=True, capacity_factor=1.0),
    "groups": TopK(num_groups=2, top_groups=1),
    "s_base": SBase(),
    "hash": Hash(),
    "product keys": TopK(),
}


@pytest.mark.parametrize("name", COMPILED)
def test_the_whole_model_compiles_with_the_same_outputs_and_gradients(name):
    """Experts stay one opaque call on a CPU (``optimoe::expert_loop``)."""
    torch.compiler.reset()
    config = ModelConfig(router=COMPILED[name])
    part = FFNS["product keys"] if name == "product keys" else MoE(**ROUTED)
    model, ids_BS = build(make_arch(part, num_layers=1), config), ids_of()
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph.print_readable(print_output=False))
        return aot_eager(graph, inputs)

    results = []
    for run in (model, torch.compile(model, backend=backend)):
        model.zero_grad()
        output = run(ids_BS)
        training_loss(output, ids_BS, LossConfig()).total.backward()
        loads = {layer: load_of(routing) for layer, routing in output.routings.items()}
        grads = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
        results.append((output.logits_BSV.detach(), grads, loads))
    torch.testing.assert_close(results[0], results[1])
    assert name == "product keys" or any("expert_loop" in graph for graph in graphs)
