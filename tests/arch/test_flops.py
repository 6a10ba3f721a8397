"""FLOPs against PyTorch's counter and by hand."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops, expert_attention_ratio, prefill_flops, train_flops_per_token
from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, UnknownNameError
from tests.arch.small_configs import SMALL, small_config

LENGTH = 12


RECURRENT = [name for name in SMALL if count_params(from_config(small_config(name), name)).recurrent]


MORE = ("deepseek_v4", "diffllama", "inkling2_loop_text", "inkling2_text", "inkling_text", "zaya")
"""Their modules compute what the model does not need: masked entries, scores once for each half of values, and
convolutions over padding."""


EVERY_EXPERT = ("llama4_text",)
"""Its module multiplies every token with every expert and masks the products."""


BY_HEAD = ("zamba",)
"""Their modules compute step sizes, B and C as one batch of products with the state's own."""


PROMPTED = ("cpmant",)
"""Its module passes a learned prompt before each sequence."""


DRAFTS = ("gemma4_assistant", "gemma4_unified_assistant")
"""Their modules take the cache of another model."""


def whole_context(model_type):
    """A configuration whose indexer selects everything, as eager attention computes everything."""
    config = small_config(model_type)
    return config | {"index_topk": LENGTH} if "index_topk" in config else config


def counted_by_torch(config, **inputs):
    """FLOPs of a forward pass over LENGTH tokens, by operator."""
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    from torch.utils.flop_counter import FlopCounterMode

    config = dict(config)
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[config.pop("model_type")](**config)
    model = transformers.AutoModelForCausalLM.from_config(made, attn_implementation="eager")
    model.set_experts_implementation("eager")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(**inputs) if inputs else model(torch.arange(LENGTH)[None])
    counts = counter.get_flop_counts()["Global"]
    return {str(operator).removeprefix("aten."): flops for operator, flops in counts.items()}


APART = (*RECURRENT, *EVERY_EXPERT, *MORE, *PROMPTED, *DRAFTS)


@pytest.mark.parametrize("model_type", [name for name in SMALL if name not in APART])
def test_softmax_families_cost_exactly_what_torch_counts(model_type):
    config = whole_context(model_type)
    ours = LENGTH * decode_flops(from_config(config, model_type), LENGTH, mla="expanded").total
    assert sum(counted_by_torch(config).values()) == ours


@pytest.mark.parametrize("model_type", MORE)
def test_a_module_that_computes_what_it_masks_costs_a_little_more(model_type):
    config = whole_context(model_type)
    ours = LENGTH * decode_flops(from_config(config, model_type), LENGTH, mla="expanded").total
    assert ours < sum(counted_by_torch(config).values()) < 1.03 * ours


@pytest.mark.parametrize("model_type", PROMPTED)
def test_a_learned_prompt_costs_its_tokens_without_their_logits(model_type):
    config = small_config(model_type)
    prompt, spec = config["prompt_length"], from_config(config, model_type)
    flops, length = decode_flops(spec, LENGTH + prompt), LENGTH + prompt
    assert sum(counted_by_torch(config).values()) == length * flops.total - prompt * flops.unembedding


@pytest.mark.parametrize("model_type", DRAFTS)
def test_a_draft_costs_exactly_what_torch_counts_over_the_cache_of_another(model_type):
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    config = small_config(model_type) | {"use_ordered_embeddings": False}
    spec, text = from_config(config, model_type), config["text_config"]
    kinds = {"sliding_attention": text["head_dim"], "full_attention": text["global_head_dim"]}
    cache = {
        kind: (torch.zeros(1, text["num_key_value_heads"], LENGTH, width),) * 2 for kind, width in kinds.items()
    }
    inputs = {"inputs_embeds": torch.zeros(1, 1, 2 * config["backbone_hidden_size"]), "shared_kv_states": cache}
    assert sum(counted_by_torch(config, **inputs).values()) == decode_flops(spec, LENGTH).total
    assert spec.layers[0].mixer.cache_values == 0


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
    products = sum(count for operator, count in torch_counts.items() if operator in ("mm", "addmm", "baddbmm"))
    inner = convolved = 0
    for number, mixer in ((group.num_layers, member) for group in spec.layers for member in group.mixer.members):
        if not mixer.recurrent:
            continue
        every = mixer.flops(spec.d_model, LENGTH, "decode", "absorbed")["recurrent"]
        inner += number * (every - 2 * mixer.matrix_params(spec.d_model))
        if hasattr(mixer, "d_conv"):
            width = getattr(mixer, "conv_width", getattr(mixer, "d_inner", 0)) or mixer.width
            convolved += number * 2 * width * mixer.d_conv * (LENGTH + mixer.d_conv - 1)
        if model_type in BY_HEAD:
            inner += number * 2 * mixer.d_inner * 2 * (mixer.dt_rank + mixer.d_state)
    assert products == LENGTH * (flops.total - flops.attention_scores - inner)
    assert torch_counts.get("convolution", 0) == convolved


def test_prefill_is_the_mean_of_its_tokens():
    for model_type in SMALL:
        spec = from_config(small_config(model_type), model_type)
        tokens = [decode_flops(spec, position, mla="expanded").total for position in range(1, 41)]
        assert prefill_flops(spec, 40).total == pytest.approx(sum(tokens) / 40, rel=1e-12)


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
