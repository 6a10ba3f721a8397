"""Latent attention (MLA), absorbed and expanded, and its indexer: by hand and against PyTorch's count."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops
from optimoe.arch.parts import (
    Indexer,
    LatentAttention,
)
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError


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


def counted(work):
    """FLOPs that PyTorch counts while ``work`` runs."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work(torch)
    return counter.get_total_flops()


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


def test_a_layer_that_takes_over_a_selection_has_no_indexer_and_reads_no_index_keys():
    sizes = {"num_heads": 8, "q_lora_rank": 64, "kv_lora_rank": 32, "qk_nope_dim": 16}
    sizes |= {"qk_rope_dim": 8, "v_dim": 16}
    selects = LatentAttention(**sizes, indexer=Indexer(num_heads=4, head_dim=16, top_k=100))
    takes_over, plain = LatentAttention(**sizes, selected_tokens=100), LatentAttention(**sizes)
    assert takes_over.params(128) == plain.params(128) < selects.params(128)
    assert takes_over.cache_values == plain.cache_values == selects.cache_values - 16
    assert takes_over.read_values(1000) == 100 * plain.cache_values == selects.read_values(1000) - 16 * 1000
    flops = [mixer.flops(128, 1000, "decode", "absorbed") for mixer in (takes_over, selects, plain)]
    assert flops[0]["attention_scores"] == flops[1]["attention_scores"] == flops[2]["attention_scores"] / 10
    assert flops[0]["indexer"] == 0 < flops[1]["indexer"]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("hy_v4", {"output_gate": True, "sinks": True}),
        ("dots3_note_text", {"output_gate": True, "gate_by_head": True, "rope_norm": True}),
        ("axk2", {"output_gate": True, "gate_of_queries": True}),
    ],
)
def test_gates_sinks_and_norms_are_those_of_the_modules(kind, options):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(kind, num_hidden_layers=1)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    mixer = LatentAttention(
        num_heads=config.num_attention_heads,
        q_lora_rank=config.q_lora_rank,
        kv_lora_rank=config.kv_lora_rank,
        qk_nope_dim=config.qk_nope_head_dim,
        qk_rope_dim=config.qk_rope_head_dim,
        v_dim=config.v_head_dim,
        indexer=Indexer(num_heads=config.index_n_heads, head_dim=config.index_head_dim, top_k=config.index_topk),
        **options,
    )
    theirs = dict(model.model.layers[0].self_attn.named_parameters())
    assert mixer.params(config.hidden_size) == sum(values.numel() for values in theirs.values())
    matrices = sum(values.numel() for values in theirs.values() if values.ndim == 2)
    assert mixer.matrix_params(config.hidden_size) == matrices


def test_a_window_of_latents_holds_and_attends_to_no_more_than_its_width():
    widths = {"num_heads": 4, "kv_lora_rank": 24, "qk_nope_dim": 12, "qk_rope_dim": 8, "v_dim": 16}
    near = LatentAttention(**widths, window_tokens=16)
    assert (near.held_values(10), near.held_values(100)) == (10 * 32, 16 * 32)
    assert (near.read_values(10), near.read_values(100)) == (10 * 32, 16 * 32)
    scores = near.flops(64, 100, "decode", "absorbed")["attention_scores"]
    assert scores == 2 * 4 * (2 * 24 + 8) * 16
    with pytest.raises(ConfigError, match="output_gate: must be true beside a gate of queries"):
        LatentAttention(**widths, q_lora_rank=4, gate_of_queries=True)
