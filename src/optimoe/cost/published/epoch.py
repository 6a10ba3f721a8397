"""Epoch AI 2024: the article's numbers, from its own formulas and the shapes that it states."""

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention
from optimoe.core.errors import ConfigError
from optimoe.core.outputs import Evaluable, output
from optimoe.cost.published import epoch_rules

ROUNDED_EXPERTS, ROUNDED_ACTIVE = 0.44, 0.63
"""The exponents as the article prints them."""

GPT4 = "gpt-4"
"""The speculated shape in the catalog."""


class Epoch(Evaluable):
    """The article on how MoE models compare to dense ones in inference, output by output.

    The general formulas: :mod:`optimoe.cost.published.epoch_rules`; the shapes: the catalog of ``optimoe.arch``.
    """

    name = "epoch2024"

    @output("P_dep")
    def depth(self, P: float, E: float, A: float) -> float:
        """Dense size of equal depth: P·A/E."""
        return epoch_rules.depth_params(P, E, A)

    @output("P_depth_cube_root")
    def depth_of_layers(self, P_ref: float, layers: float, layers_ref: float) -> float:
        """Dense size with so many layers: P_ref·(layers/layers_ref)³."""
        return epoch_rules.depth_params_of(P_ref, layers, layers_ref)

    @output("P_depth_linear")
    def depth_in_proportion(self, P_ref: float, layers: float, layers_ref: float) -> float:
        """Dense size with so many layers in proportion to them, no cube: P_ref·layers/layers_ref."""
        return P_ref * layers / layers_ref

    @output("volume_ratio")
    def volume_ratio(self, E: float, A: float) -> float:
        """Bytes sent over those of a dense model of equal size: A/√E."""
        return epoch_rules.network_volume_ratio(E, A)

    @output("P_net")
    def network(self, P: float, E: float, A: float) -> float:
        """Dense size that sends as many bytes: P·(A/√E)^(3/2)."""
        return epoch_rules.network_params(P, E, A)

    @output("P_eq")
    def equivalent(self, P: float, E: float, A: float) -> float:
        """Dense size that decodes as fast: P·A^(5/8)/E^(7/16)."""
        return epoch_rules.fast_decode_params(P, E, A)

    @output("P_eq_rounded")
    def equivalent_rounded(self, P: float, E: float, A: float) -> float:
        """Dense size that decodes as fast, with the exponents as printed: P·A^0.63/E^0.44."""
        return P * A**ROUNDED_ACTIVE / E**ROUNDED_EXPERTS

    @output("geometric_mean")
    def component_mean(self, P_mem: float, P_dep: float, P_net: float) -> float:
        """Weighted geometric mean of the three components: P_mem^(1/2)·P_dep^(1/4)·P_net^(1/4)."""
        return epoch_rules.component_mean(P_mem, P_dep, P_net)

    @output("share")
    def share(self, s: float, A: float) -> float:
        """Dense equivalent as a share of all parameters, P_eq/P, at sparsity s = E/A."""
        return self.equivalent(1.0, s * A, A)

    @output("share_rounded")
    def share_rounded(self, s: float, A: float) -> float:
        """Dense equivalent as a share of all parameters, with the exponents as printed."""
        return self.equivalent_rounded(1.0, s * A, A)

    @output("critical_batch")
    def critical_batch(self, bytes_per_weight: float, flops_per_s: float, hbm_bytes_per_s: float) -> float:
        """Batch at which arithmetic takes as long as weight reads: p·FLOP/s / (2·HBM B/s)."""
        return epoch_rules.critical_batch(bytes_per_weight, flops_per_s, hbm_bytes_per_s)

    @output("arithmetic_s")
    def arithmetic_s(self, P: float, batch: float, flops_per_s: float) -> float:
        """Seconds of arithmetic of one step: 2·P·batch / (FLOP/s)."""
        return 2 * P * batch / flops_per_s

    @output("weight_read_s")
    def weight_read_s(self, bytes: float, bytes_per_s: float) -> float:
        """Seconds to read the weights once: bytes over bandwidth."""
        return bytes / bytes_per_s

    @output("bytes_per_token")
    def bytes_per_token(self, d_model: float, layers: float, bytes_per_activation: float) -> float:
        """Bytes of activations of one token, one vector a layer."""
        return d_model * layers * bytes_per_activation

    @output("all_reduce_s")
    def all_reduce_s(self, bytes_per_token: float, batch: float, bytes_per_s: float) -> float:
        """Seconds to send the activations of a batch once: bytes·batch over bandwidth, no factor (R − 1)/R."""
        return bytes_per_token * batch / bytes_per_s

    @output("batch_bytes")
    def batch_bytes(self, bytes_per_token: float, batch: float) -> float:
        """Bytes of the activations of a batch: bytes_per_token·batch."""
        return bytes_per_token * batch

    @output("width_ratio")
    def width_ratio(self, E: float) -> float:
        """Width of the dense twin of equal size and depth over the model's: √E, and the most A that sends less."""
        return E**0.5

    @output("cache_saving")
    def cache_saving(self, E: float) -> float:
        """Share of the cache saved against a dense model of equal size: 1 − E^(−1/3)."""
        return epoch_rules.cache_saving(E)

    @output("ratio")
    def ratio(self, part: float, whole: float) -> float:
        """One printed number over another: part/whole."""
        return part / whole

    @output("params_total")
    def params_total(self, model: str) -> float:
        """Parameters of a model of the catalog, both embeddings included."""
        return float(count_params(find_model(model)).total)

    @output("attention_params")
    def attention_params(self, model: str) -> float:
        """Attention parameters of a model of the catalog."""
        return float(count_params(find_model(model)).attention)

    @output("layers")
    def layers(self, model: str) -> float:
        """Layers of a model of the catalog."""
        return float(find_model(model).num_layers)

    @output("group_size")
    def group_size(self, model: str) -> float:
        """Query heads that share a key-value head in a model of the catalog: h/h_kv."""
        attention = _attention(model)
        return attention.num_heads / attention.num_kv_heads

    @output("kv_heads")
    def kv_heads(self, model: str) -> float:
        """Key-value heads of a model of the catalog."""
        return float(_attention(model).num_kv_heads)

    @output("prefill_params")
    def prefill_params(self, model: str) -> float:
        """Dense size that prefills as fast, by the rule: the active parameters."""
        return epoch_rules.dense_equivalent(find_model(model)).prefill

    @output("slow_decode_params")
    def slow_decode_params(self, model: str) -> float:
        """Dense size that decodes large batches of short contexts as fast, by the rule: the active parameters."""
        return epoch_rules.dense_equivalent(find_model(model)).slow_decode

    @output("gpt4_attention")
    def gpt4_attention(self) -> float:
        """Attention parameters of the speculated GPT-4: layers·d·d_h·(2·heads + 2·kv heads)."""
        return self.attention_params(GPT4)

    @output("mqa_saving")
    def mqa_saving(self) -> float:
        """Attention parameters with as many key-value heads as heads, over those with one of each."""
        heads = _attention(GPT4).num_heads
        return 2 * heads / (heads + 1)

    @output("mqa_saving_qkv")
    def mqa_saving_qkv(self) -> float:
        """Queries, keys and values with as many key-value heads as heads, over those with one: 3h/(h + 2)."""
        heads = _attention(GPT4).num_heads
        return 3 * heads / (heads + 2)

    @output("gpt4_total")
    def gpt4_total(self) -> float:
        """Parameters of the speculated GPT-4: attention, plain experts and both embeddings, no router."""
        return _summed(GPT4)

    @output("gpt4_active")
    def gpt4_active(self) -> float:
        """Active parameters of the speculated GPT-4: attention and embeddings are not sparse."""
        params = count_params(find_model(GPT4))
        return _summed(GPT4) - params.routed_experts + params.routed_experts_active

    @output("gpt4_over_gpt3")
    def gpt4_over_gpt3(self) -> float:
        """Parameters of the speculated GPT-4 over those of GPT-3, both with both embeddings."""
        return _summed(GPT4) / _summed("gpt-3")

    @output("prefill_saving")
    def prefill_saving(self) -> float:
        """Total over active parameters of the speculated GPT-4: what sparsity saves of arithmetic."""
        return self.gpt4_total() / self.gpt4_active()

    @output("attention_over_405b")
    def attention_over_405b(self, group_size: float) -> float:
        """Attention parameters of the speculated GPT-4 over those of Llama 3 405B with a group size."""
        dense, mixer = find_model(epoch_rules.DENSE_REFERENCE), _attention(epoch_rules.DENSE_REFERENCE)
        heads = mixer.num_heads * (1 + 1 / group_size)
        return self.gpt4_attention() / (dense.num_layers * dense.d_model * mixer.head_dim * 2 * heads)

    @output("P_attention")
    def attention_size(self, P_ref: float, group_size: float) -> float:
        """Dense size whose attention is as large, in proportion to that of Llama 3 405B: P_ref·share."""
        return P_ref * self.attention_over_405b(group_size)


def _summed(model: str) -> float:
    """Attention, feed-forwards and an embedding at both ends, as the article adds: no routers, no norms."""
    arch = find_model(model)
    params = count_params(arch)
    return params.attention + params.dense_ffn + params.routed_experts + 2.0 * arch.logits * arch.d_model


def _attention(model: str) -> Attention:
    """The softmax attention of a model of the catalog.

    Raises:
        ConfigError: It has no attention of grouped heads.
    """
    mixer = find_model(model).attention
    if not isinstance(mixer, Attention):
        raise ConfigError(f"model: must have grouped heads, got {model}")
    return mixer
