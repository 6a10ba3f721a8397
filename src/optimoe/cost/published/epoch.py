"""Epoch AI 2024: the article's numbers, from its own formulas and the shapes that it states."""

from typing import Any

from optimoe.core.config import load_facts
from optimoe.core.outputs import Evaluable, output
from optimoe.cost.published import epoch_rules
from optimoe.cost.published.erdil.shapes import find_shape

ROUNDED_EXPERTS, ROUNDED_ACTIVE = 0.44, 0.63
"""The exponents as the article prints them."""


class Epoch(Evaluable):
    """The article on how MoE models compare to dense ones in inference, output by output.

    The general formulas: :mod:`optimoe.cost.published.epoch_rules`.
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

    @output("gpt4_attention")
    def gpt4_attention(self) -> float:
        """Attention parameters of the speculated GPT-4: layers·d·d_h·(2·heads + 2·kv heads)."""
        shape = self._gpt4()
        return shape["layers"] * shape["d_model"] * shape["d_head"] * 2 * (shape["heads"] + shape["kv_heads"])

    @output("mqa_saving")
    def mqa_saving(self) -> float:
        """Attention parameters with as many key-value heads as heads, over those with one of each."""
        heads = self._gpt4()["heads"]
        return 2 * heads / (heads + 1)

    @output("gpt4_total")
    def gpt4_total(self) -> float:
        """Parameters of the speculated GPT-4: attention, plain experts and both embeddings."""
        return self.gpt4_attention() + self._gpt4_experts() + self._gpt4_embeddings()

    @output("gpt4_active")
    def gpt4_active(self) -> float:
        """Active parameters of the speculated GPT-4: attention and embeddings are not sparse."""
        shape = self._gpt4()
        routed = self._gpt4_experts() * shape["active"] / shape["experts"]
        return self.gpt4_attention() + routed + self._gpt4_embeddings()

    @output("gpt4_over_gpt3")
    def gpt4_over_gpt3(self) -> float:
        """Parameters of the speculated GPT-4 over those of GPT-3."""
        return self.gpt4_total() / find_shape("gpt-3").params_total

    @output("prefill_saving")
    def prefill_saving(self) -> float:
        """Total over active parameters of the speculated GPT-4: what sparsity saves of arithmetic."""
        return self.gpt4_total() / self.gpt4_active()

    @output("attention_over_405b")
    def attention_over_405b(self, group_size: float) -> float:
        """Attention parameters of the speculated GPT-4 over those of Llama 3 405B with a group size."""
        shape = find_shape("llama-3-405b")
        kv_heads = shape.heads / group_size
        return self.gpt4_attention() / (shape.layers * shape.d_model * shape.d_head * 2 * (shape.heads + kv_heads))

    def _gpt4_experts(self) -> float:
        shape = self._gpt4()
        return shape["layers"] * shape["experts"] * 2 * shape["d_model"] * shape["d_ff"]

    def _gpt4_embeddings(self) -> float:
        shape = self._gpt4()
        return 2 * shape["vocab"] * shape["d_model"]

    @staticmethod
    def _gpt4() -> dict[str, Any]:
        return load_facts("optimoe.cost", "published.toml")["epoch2024"]["gpt-4"]
