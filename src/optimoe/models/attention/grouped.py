"""Softmax attention with grouped heads, over everything or a window.

Legend: B sequences, S positions, N tokens that they see, H query heads, J key-value heads, C channels of a head,
D model width.
"""

import torch
from torch import Tensor, nn

from optimoe.arch.parts import UNLIMITED_WINDOW, Attention
from optimoe.models.attention.cache import LayerCache
from optimoe.models.attention.places import Places
from optimoe.models.attention.rope import Rotary, rotate
from optimoe.models.dense.linear import Linear
from optimoe.models.dense.norms import RMSNorm


class SelfAttention(nn.Module):
    """softmax(q·k/√C + mask) v with J ≤ H key-value heads (GQA, arXiv 2305.13245).

    Attributes:
        scale: Of the products, in place of 1/√C where it is given.
        query, key, value, output: Projections.
        gate: Projection of the output's gate, or none: the output is multiplied with its sigmoid.
        query_norm, key_norm: RMS norms per head or over all heads, or none.
        sink_H: A logit per head that takes part in the softmax and contributes nothing, or none.
        rotary: How positions turn queries and keys, or none where they are learned; ``turned`` channels of a head.

    Raises:
        ConfigError: An odd number of channels would turn.
    """

    def __init__(
        self, part: Attention, d_model: int, norm_eps: float, rotary: Rotary | None, scale: float = 0.0
    ) -> None:
        super().__init__()
        self.part, self.scale, self.rotary = part, scale or part.head_dim**-0.5, rotary
        self.turned = rotary.turned(part.head_dim) if rotary else 0
        d_query, d_key = part.num_heads * part.head_dim, part.num_kv_heads * part.head_dim
        self.query = Linear(d_model, d_query, bias=part.qkv_bias)
        self.key = Linear(d_model, d_key, bias=part.qkv_bias)
        self.value = Linear(d_model, d_key, bias=part.qkv_bias)
        self.gate = Linear(d_model, d_query, bias=part.qkv_bias and part.gate_bias) if part.output_gate else None
        self.output = Linear(d_query, d_model, bias=part.output_bias)
        widths = {"none": None, "head": (part.head_dim,) * 2, "full": (d_query, d_key)}[part.qk_norm]
        self.query_norm = RMSNorm(widths[0], eps=norm_eps) if widths else None
        self.key_norm = RMSNorm(widths[1], eps=norm_eps) if widths else None
        self.sink_H = nn.Parameter(torch.zeros(part.num_heads)) if part.sinks else None

    @staticmethod
    def builds(part: Attention) -> bool:
        """Whether keys and values are the layer's own, as wide, gated by channel, and nothing selects tokens.

        Nor are there norms with biases, a norm of the heads' outputs, or maps that are subtracted.
        """
        own = part.value_dim == part.head_dim and not part.shared_kv and not part.values_of_keys
        gated = not part.gate_by_head and not part.gate_head_bias
        plain = not part.qk_norm_bias and not part.inner_norm and not part.differential
        return own and gated and plain and part.is_usual and part.selected_tokens == UNLIMITED_WINDOW

    def forward(self, x_BSD: Tensor, places: Places, held: LayerCache | None = None) -> Tensor:
        """Attend over the sequence, causally, each document by itself.

        Args:
            x_BSD: Input.
            places: Where the tokens stand.
            held: Keys and values (B, J, N, C) of the tokens before, which the input's join.
        """
        q_BHSC = self._heads(self.query(x_BSD), self.query_norm)
        k_BJSC = self._heads(self.key(x_BSD), self.key_norm)
        v_BJSC = self._heads(self.value(x_BSD), None)
        if self.rotary is not None:
            rope = places.rope(self.rotary, self.turned, x_BSD.dtype)
            q_BHSC, k_BJSC = rotate(q_BHSC, rope), rotate(k_BJSC, rope)
        if held is not None:
            k_BJSC, v_BJSC = held.extend(places.num_before, self.part.window_tokens, k_BJSC, v_BJSC)
        y_BSD = self._attend(q_BHSC, k_BJSC, v_BJSC, places).transpose(1, 2).flatten(2)
        if self.gate is not None:
            y_BSD = y_BSD * torch.sigmoid(self.gate(x_BSD))
        return self.output(y_BSD)

    def _heads(self, x_BSD: Tensor, norm: nn.Module | None) -> Tensor:
        """Split into heads, normed before or after as the architecture says."""
        if norm is not None and self.part.qk_norm == "full":
            x_BSD = norm(x_BSD)
        x_BSHC = x_BSD.view(*x_BSD.shape[:-1], x_BSD.shape[-1] // self.part.head_dim, self.part.head_dim)
        if norm is not None and self.part.qk_norm == "head":
            x_BSHC = norm(x_BSHC)
        return x_BSHC.transpose(1, 2)

    def _attend(self, q_BHSC: Tensor, k_BJNC: Tensor, v_BJNC: Tensor, places: Places) -> Tensor:
        attend = nn.functional.scaled_dot_product_attention
        grouped = self.part.num_heads != self.part.num_kv_heads
        seen_SN = places.mask(self.part.window_tokens, self.part.chunked, explicit=self.sink_H is not None)
        if self.sink_H is None or seen_SN is None:
            causal = seen_SN is None and places.num_before == 0
            return attend(
                q_BHSC, k_BJNC, v_BJNC, attn_mask=seen_SN, is_causal=causal, enable_gqa=grouped, scale=self.scale
            )
        mask_SN = torch.zeros_like(seen_SN, dtype=q_BHSC.dtype).masked_fill(~seen_SN, -torch.inf)
        mask_BHSN = mask_SN if mask_SN.ndim == 4 else mask_SN[None, None]
        mask_BHSN = mask_BHSN.expand(-1, self.part.num_heads, -1, -1)
        sink_HS1 = self.sink_H.to(q_BHSC.dtype)[:, None, None].expand(-1, q_BHSC.shape[2], 1)
        mask_BHSn = torch.cat([mask_BHSN, sink_HS1.expand(mask_BHSN.shape[0], -1, -1, -1)], dim=-1)
        k_BJnC, v_BJnC = (nn.functional.pad(x_BJNC, (0, 0, 0, 1)) for x_BJNC in (k_BJNC, v_BJNC))
        return attend(q_BHSC, k_BJnC, v_BJnC, attn_mask=mask_BHSn, enable_gqa=grouped, scale=self.scale)
