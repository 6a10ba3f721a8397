"""FLOPs per token against PyTorch's own counter, on small models that really run."""

from dataclasses import replace

import pytest
from tests.arch.small_configs import SMALL, small_config

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops, expert_attention_ratio, prefill_flops, train_flops_per_token
from optimoe.arch.hf import from_config
from optimoe.arch.mixers.attended import attended
from optimoe.arch.params import count_params
from optimoe.arch.parts import (
    PEER,
    UNLIMITED_WINDOW,
    Attention,
    GatedDeltaNet,
    Indexer,
    LatentAttention,
    LightningAttention,
    Mamba,
    MoE,
)
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, UnknownNameError

LENGTH = 12
RECURRENT = ("qwen3_next", "qwen3_5_moe_text", "qwen3_5_text", "jamba", "minimax")
EVERY_EXPERT = ("llama4_text",)
"""Its module multiplies every token with every expert and masks the products."""


def whole_context(model_type):
    """A configuration whose indexer selects everything, as eager attention computes everything."""
    config = small_config(model_type)
    return config | {"index_topk": LENGTH} if "index_topk" in config else config


def counted_by_torch(config):
    """FLOPs of a forward pass over LENGTH tokens, by operator."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    from torch.utils.flop_counter import FlopCounterMode

    config = dict(config)
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[config.pop("model_type")](**config)
    model = transformers.AutoModelForCausalLM.from_config(made, attn_implementation="eager")
    model.set_experts_implementation("eager")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.arange(LENGTH)[None])
    counts = counter.get_flop_counts()["Global"]
    return {str(operator).removeprefix("aten."): flops for operator, flops in counts.items()}


@pytest.mark.parametrize("model_type", [name for name in SMALL if name not in (*RECURRENT, *EVERY_EXPERT)])
def test_softmax_families_cost_exactly_what_torch_counts(model_type):
    config = whole_context(model_type)
    ours = LENGTH * decode_flops(from_config(config, model_type), LENGTH, mla="expanded").total
    assert sum(counted_by_torch(config).values()) == ours


@pytest.mark.parametrize("model_type", EVERY_EXPERT)
def test_a_module_that_runs_every_expert_costs_the_idle_ones_more(model_type):
    config = small_config(model_type)
    spec = from_config(config, model_type)
    flops = decode_flops(spec, LENGTH)
    idle = flops.routed_experts * (spec.moe.num_experts - spec.moe.top_k) / spec.moe.top_k
    assert sum(counted_by_torch(config).values()) == LENGTH * (flops.total + idle)


@pytest.mark.parametrize("model_type", RECURRENT)
def test_recurrent_families_have_exactly_the_matrix_products_that_torch_counts(model_type):
    """Projections, experts and logits exactly; the convolution over its padded length.

    The state's own products run element-wise or in chunks in these reference modules.
    """
    config = small_config(model_type)
    spec = from_config(config, model_type)
    torch_counts = counted_by_torch(config)
    flops = decode_flops(spec, LENGTH)
    products = sum(count for operator, count in torch_counts.items() if operator in ("mm", "addmm"))
    state = conv = 0
    for group in spec.layers:
        mixer = group.mixer
        if hasattr(mixer, "d_conv"):
            width = getattr(mixer, "conv_width", getattr(mixer, "d_inner", 0))
            conv += group.num_layers * 2 * width * mixer.d_conv
        if hasattr(mixer, "d_state"):
            state += group.num_layers * 2 * mixer.d_inner * mixer.d_state
        elif hasattr(mixer, "value_dim"):
            state += group.num_layers * 6 * mixer.num_value_heads * mixer.key_dim * mixer.value_dim
        elif not hasattr(mixer, "num_kv_heads"):
            state += group.num_layers * 4 * mixer.num_heads * mixer.head_dim**2
    assert products == LENGTH * (flops.total - flops.attention_scores - state - conv)
    assert torch_counts.get("convolution", 0) == (LENGTH + 3) * conv


def test_prefill_is_the_mean_of_its_tokens():
    for model_type in SMALL:
        spec = from_config(small_config(model_type), model_type)
        tokens = [decode_flops(spec, position, mla="expanded").total for position in range(1, 41)]
        assert prefill_flops(spec, 40).total == pytest.approx(sum(tokens) / 40, rel=1e-12)


@pytest.mark.parametrize("window", [1, 5, 8, 40, UNLIMITED_WINDOW])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_mean_of_attended_tokens_is_that_of_its_tokens(window, chunked):
    tokens = [attended(position, window, "decode", chunked) for position in range(1, 41)]
    assert max(tokens) == min(40, window)
    assert attended(40, window, "prefill", chunked) == pytest.approx(sum(tokens) / 40, rel=1e-12)


def test_two_flops_per_weight_and_four_per_attended_channel():
    """Hand-worked: Llama 3.1 8B at position 1000."""
    spec = find_model("llama-3.1-8b")
    params = count_params(spec)
    flops = decode_flops(spec, 1000)
    assert flops.total == 2 * (params.total - params.embedding - params.norms) + 4 * 32 * 32 * 128 * 1000
    assert train_flops_per_token(spec, 1000) == 3 * prefill_flops(spec, 1000).total
    prefill = prefill_flops(spec, 1000)
    assert train_flops_per_token(spec, 1000, "full") == 4 * prefill.total
    assert train_flops_per_token(spec, 1000, "selective") == 3 * prefill.total + prefill.attention_scores
    with pytest.raises(UnknownNameError, match="selective"):
        train_flops_per_token(spec, 1000, "selectiv")


def test_absorbed_latent_attention_reads_latents_and_expanded_reads_heads():
    mixer = LatentAttention(
        num_heads=128, q_lora_rank=1536, kv_lora_rank=512, qk_nope_dim=128, qk_rope_dim=64, v_dim=128
    )
    spec = find_model("mixtral-8x7b")
    (group,) = spec.layers
    latent = replace(spec, layers=(LayerGroup(num_layers=1, mixer=mixer, ffn=group.ffn),))
    absorbed, expanded = (decode_flops(latent, 1000, mla=form) for form in ("absorbed", "expanded"))
    assert absorbed.attention_scores == 2 * 128 * (512 + 512 + 64) * 1000
    assert expanded.attention_scores == 2 * 128 * (128 + 64 + 128) * 1000
    assert absorbed.attention_projections == expanded.attention_projections


def test_the_ratio_counts_the_whole_context_as_li_2026_does():
    """App. C with the corrected values term: d = d_x = 512, 65 experts with one shared, 2 + 1 active, n = 4096."""
    spec = find_model("mixtral-8x7b")
    (group,) = spec.layers
    attention = replace(group.mixer, num_heads=8, num_kv_heads=8, head_dim=64)
    experts = replace(group.ffn, num_experts=65, top_k=2, d_expert=512, num_shared_experts=1, d_shared=512)
    layer = LayerGroup(num_layers=1, mixer=attention, ffn=experts)
    one = replace(spec, d_model=512, layers=(layer,))
    flops = decode_flops(one, 4096)
    assert 4096 * flops.attention == pytest.approx(4.2950e10, rel=1e-4)
    assert 4096 * flops.experts == pytest.approx(1.959998e10, rel=1e-4)
    assert expert_attention_ratio(one, 4096) == pytest.approx(0.4563, abs=5e-5)  # four printed digits


def test_a_position_must_be_positive():
    with pytest.raises(ConfigError, match="position"):
        decode_flops(find_model("mixtral-8x7b"), 0)


def counted(work):
    """FLOPs that PyTorch counts while ``work`` runs."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work(torch)
    return counter.get_total_flops()


def test_product_key_retrieval_and_tiny_experts_cost_what_torch_counts():
    """PEER written out: queries, two halves of sub-keys, h·k experts of one neuron each."""
    ffn, d, tokens = PEER(num_keys=16, num_heads=2, top_k=4, d_key=8), 32, 3

    def work(torch):
        x = torch.randn(tokens, d)
        queries = (x @ torch.randn(d, 2 * 8)).view(tokens, 2, 2, 4)  # head, half, channel
        keys = torch.randn(2, 2, 16, 4)
        scores = torch.einsum("thsc,hsnc->thsn", queries, keys)
        best = scores.topk(4).indices
        chosen = (best[:, :, 0] * 16 + best[:, :, 1]).flatten(1)
        up, down = torch.randn(256, d)[chosen], torch.randn(256, d)[chosen]
        torch.bmm(torch.bmm(up, x[:, :, None]).transpose(1, 2).relu(), down)

    assert counted(work) == tokens * sum(ffn.flops(d).values())


def test_latent_experts_cost_what_torch_counts():
    ffn = MoE(num_experts=8, top_k=2, d_expert=24, d_latent=16)
    d, tokens = 32, 5

    def work(torch):
        x = torch.randn(tokens, d)
        _ = x @ torch.randn(d, 8)
        low = x @ torch.randn(d, 16)
        for _ in range(2):
            hidden = (low @ torch.randn(16, 24)) * (low @ torch.randn(16, 24))
            out = hidden @ torch.randn(24, 16)
        _ = out @ torch.randn(16, d)

    assert counted(work) == tokens * sum(ffn.flops(d).values())


def test_absorbed_latent_attention_costs_what_torch_counts():
    """One decoded token on cached latents: expansion applied to the query and to the output."""
    mixer = LatentAttention(num_heads=4, q_lora_rank=20, kv_lora_rank=24, qk_nope_dim=12, qk_rope_dim=8, v_dim=16)
    d, position = 32, 50

    def work(torch):
        x = torch.randn(1, d)
        query = (x @ torch.randn(d, 20) @ torch.randn(20, 4 * 20)).view(4, 1, 20)
        _ = x @ torch.randn(d, 24 + 8)
        cache = torch.randn(position, 24 + 8)
        low = torch.bmm(query[..., :12], torch.randn(4, 12, 24))
        scores = torch.bmm(torch.cat([low, query[..., 12:]], -1), cache.T.expand(4, -1, -1))
        mixed = torch.bmm(scores.softmax(-1), cache[:, :24].expand(4, -1, -1))
        out = torch.bmm(mixed, torch.randn(4, 24, 16)).reshape(1, 64)
        _ = out @ torch.randn(64, d)

    parts = mixer.flops(d, position, "decode", "absorbed")
    assert counted(work) == sum(parts.values())


@pytest.mark.parametrize(("chunked", "seen"), [(False, 16), (True, 2)])
def test_a_windowed_token_costs_what_torch_counts_on_the_keys_it_sees(chunked, seen):
    """Position 50 of windows of 16: the last 16 tokens, or the second of the fourth chunk."""
    mixer = Attention(num_heads=4, num_kv_heads=2, head_dim=24, window_tokens=16, chunked=chunked)
    d, position = 32, 50

    def work(torch):
        x = torch.randn(1, d)
        query = (x @ torch.randn(d, 4 * 24)).view(4, 1, 24)
        _ = x @ torch.randn(d, 2 * 2 * 24)
        first = (position - 1) // 16 * 16 if chunked else position - 16
        keys, values = torch.randn(2, 2, position, 24)[:, :, first:].repeat_interleave(2, 1)
        assert keys.shape[1] == seen
        mixed = torch.bmm(torch.bmm(query, keys.transpose(1, 2)).softmax(-1), values)
        _ = mixed.reshape(1, 96) @ torch.randn(96, d)

    assert counted(work) == sum(mixer.flops(d, position, "decode", "absorbed").values())


def test_a_selected_token_costs_what_torch_counts_on_index_and_selection():
    """Every token is scored by the indexer and its heads summed; attention sees the best eight."""
    indexer = Indexer(num_heads=3, head_dim=10, top_k=8)
    mixer = LatentAttention(
        num_heads=4, q_lora_rank=20, kv_lora_rank=24, qk_nope_dim=12, qk_rope_dim=8, v_dim=16, indexer=indexer
    )
    d, position = 32, 50

    def work(torch):
        x = torch.randn(1, d)
        compressed = x @ torch.randn(d, 20)
        index_query = (compressed @ torch.randn(20, 30)).view(3, 10)
        _, head_weights = x @ torch.randn(d, 10), x @ torch.randn(d, 3)
        scores = (index_query @ torch.randn(position, 10).T).relu()
        chosen = (head_weights @ scores).topk(8).indices[0]
        query = (compressed @ torch.randn(20, 4 * 20)).view(4, 1, 20)
        _ = x @ torch.randn(d, 24 + 8)
        cache = torch.randn(position, 24 + 8)[chosen]
        low = torch.bmm(query[..., :12], torch.randn(4, 12, 24))
        weights = torch.bmm(torch.cat([low, query[..., 12:]], -1), cache.T.expand(4, -1, -1)).softmax(-1)
        out = torch.bmm(torch.bmm(weights, cache[:, :24].expand(4, -1, -1)), torch.randn(4, 24, 16))
        _ = out.reshape(1, 64) @ torch.randn(64, d)

    assert counted(work) == sum(mixer.flops(d, position, "decode", "absorbed").values())


def delta_rule(torch, mixer, d):
    """One token of the gated delta rule: read-out of the key, rank-one update, read-out of the query."""
    heads, key, value = mixer.num_value_heads, mixer.key_dim, mixer.value_dim
    x, state = torch.randn(1, d), torch.randn(heads, key, value)
    _ = x @ torch.randn(d, mixer.conv_width), x @ torch.randn(d, heads * value), x @ torch.randn(d, 2 * heads)
    convolved(torch, mixer.conv_width, mixer.d_conv)
    query, k, v = torch.randn(heads, 1, key), torch.randn(heads, 1, key), torch.randn(heads, 1, value)
    state = state + torch.bmm(k.transpose(1, 2), v - torch.bmm(k, state))
    _ = torch.bmm(query, state).reshape(1, heads * value) @ torch.randn(heads * value, d)


def lightning(torch, mixer, d):
    """One token of linear attention with decay: rank-one update and read-out."""
    heads, width = mixer.num_heads, mixer.head_dim
    x = torch.randn(1, d)
    query, k, v, _ = (x @ torch.randn(d, 4 * heads * width)).view(4, heads, 1, width)
    state = 0.5 * torch.randn(heads, width, width) + torch.bmm(k.transpose(1, 2), v)
    _ = torch.bmm(query, state).reshape(1, heads * width) @ torch.randn(heads * width, d)


def selective_state_space(torch, mixer, d):
    """One token of Mamba: the state's update is element-wise, its read-out a product."""
    inner, rank, states = mixer.d_inner, mixer.dt_rank, mixer.d_state
    x = torch.randn(1, d) @ torch.randn(d, 2 * inner)
    convolved(torch, inner, mixer.d_conv)
    steps = x[:, :inner] @ torch.randn(inner, rank + 2 * states)
    _ = steps[:, :rank] @ torch.randn(rank, inner)
    out = torch.randn(inner, states) @ steps[:, -states:].T
    _ = out.T @ torch.randn(inner, d)


def convolved(torch, channels, kernel):
    """One output of a causal depth-wise convolution."""
    torch.nn.functional.conv1d(torch.randn(1, channels, kernel), torch.randn(channels, 1, kernel), groups=channels)


@pytest.mark.parametrize(
    ("mixer", "step"),
    [
        (GatedDeltaNet(num_key_heads=2, num_value_heads=4, key_dim=6, value_dim=10, d_conv=4), delta_rule),
        (LightningAttention(num_heads=4, head_dim=12), lightning),
        (Mamba(d_inner=48, d_state=6, d_conv=4, dt_rank=5), selective_state_space),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_a_step_of_a_recurrent_mixer_costs_what_torch_counts(mixer, step):
    flops = sum(mixer.flops(32, 50, "decode", "absorbed").values())
    assert counted(lambda torch: step(torch, mixer, 32)) == flops
