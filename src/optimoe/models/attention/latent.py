"""Softmax attention whose keys and values come from one narrow latent.

Legend: B sequences, S positions, N tokens that they see, H heads, C channels of a head, L the latent, R the turned
channels, D model width.
"""

import torch
from torch import Tensor, nn

from optimoe.arch.parts import UNLIMITED_WINDOW, LatentAttention
from optimoe.core.errors import require
from optimoe.models.attention.cache import LayerCache
from optimoe.models.attention.places import Places
from optimoe.models.attention.rope import Rotary, rotate
from optimoe.models.dense.linear import Linear
from optimoe.models.dense.norms import RMSNorm

LATENT_NORM_EPS = 1e-6
"""Of the norms inside latent attention: DeepSeek's own, whatever the model's other norms add."""


class LatentSelfAttention(nn.Module):
    """Attention whose keys and values are expanded from one narrow latent (MLA; arXiv 2405.04434, Sec. 2.1).

    Attributes:
        query_down, query_norm, query_up: The compressed queries; where they are not, ``query_up`` projects D.
        latent: D → latent and the rotated key that all heads share.
        latent_norm, expand: The latent's norm, and its expansion to keys and values of all heads.
        output: H·C_v → D.
        rotary: How positions turn queries and keys, or none where they are learned; ``turned`` channels of a head.

    Raises:
        ConfigError: An odd number of channels would turn.
    """

    def __init__(self, part: LatentAttention, d_model: int, rotary: Rotary | None, scale: float = 0.0) -> None:
        super().__init__()
        self.part, self.scale, self.rotary = part, scale or (part.qk_nope_dim + part.qk_rope_dim) ** -0.5, rotary
        self.turned = rotary.turned(part.qk_rope_dim) if rotary else 0
        if rotary is not None:
            stated = "1 beside latent attention, which states its own"
            require(rotary.share == 1, "rotary: share", stated, rotary.share)
            self.scale *= rotary.scaling.latent_factor
        rank, d_query = part.q_lora_rank, part.num_heads * (part.qk_nope_dim + part.qk_rope_dim)
        self.query_down = Linear(d_model, rank, bias=part.bias) if rank else None
        self.query_norm = RMSNorm(rank, eps=LATENT_NORM_EPS) if rank else None
        self.query_up = Linear(rank or d_model, d_query, bias=False)
        self.latent = Linear(d_model, part.kv_lora_rank + part.qk_rope_dim, bias=part.bias)
        self.latent_norm = RMSNorm(part.kv_lora_rank, eps=LATENT_NORM_EPS)
        d_expanded = part.num_heads * (part.qk_nope_dim + part.v_dim)
        self.expand = Linear(part.kv_lora_rank, d_expanded, bias=False)
        self.output = Linear(part.num_heads * part.v_dim, d_model, bias=part.bias)

    def forward(self, x_BSD: Tensor, places: Places, held: LayerCache | None = None) -> Tensor:
        """Attend over the sequence, causally, each document by itself.

        Args:
            x_BSD: Input.
            places: Where the tokens stand.
            held: Normed latent and turned key (B, 1, N, L + R) of the tokens before, which the input's join.
        """
        part = self.part
        narrow = x_BSD
        if self.query_down is not None and self.query_norm is not None:
            narrow = self.query_norm(self.query_down(x_BSD))
        q_BHSC = self.query_up(narrow).unflatten(-1, (part.num_heads, -1)).transpose(1, 2)
        q_fixed, q_turned = q_BHSC.split([part.qk_nope_dim, part.qk_rope_dim], dim=-1)
        latent, k_turned = self.latent(x_BSD)[:, None].split([part.kv_lora_rank, part.qk_rope_dim], dim=-1)
        latent = self.latent_norm(latent)
        if self.rotary is not None:
            rope = places.rope(self.rotary, self.turned, x_BSD.dtype)
            q_turned, k_turned = rotate(q_turned, rope), rotate(k_turned, rope)
        if held is None:
            y_BHSC = self._expanded(q_fixed, q_turned, latent, k_turned, places)
        else:
            both_B1SC = torch.cat([latent, k_turned], dim=-1)
            (both_B1NC,) = held.extend(places.num_before, UNLIMITED_WINDOW, both_B1SC)
            if self._absorbs(x_BSD.shape[1]):
                y_BHSC = self._absorbed(q_fixed, q_turned, both_B1NC, places)
            else:
                latent, k_turned = torch.tensor_split(both_B1NC, [part.kv_lora_rank], dim=-1)
                y_BHSC = self._expanded(q_fixed, q_turned, latent, k_turned, places)
        return self.output(y_BHSC.transpose(1, 2).flatten(2))

    def _expanded(
        self, q_BHSC: Tensor, q_BHSR: Tensor, latent_B1NL: Tensor, k_B1NR: Tensor, places: Places
    ) -> Tensor:
        """Keys and values of all heads, expanded from the latent."""
        part = self.part
        wide = self.expand(latent_B1NL[:, 0]).unflatten(-1, (part.num_heads, -1)).transpose(1, 2)
        k_BHNC, v_BHNC = wide.split([part.qk_nope_dim, part.v_dim], dim=-1)
        q_BHSC = torch.cat([q_BHSC, q_BHSR], dim=-1)
        k_BHNC = torch.cat([k_BHNC, k_B1NR.expand(-1, part.num_heads, -1, -1)], dim=-1)
        seen_SN = places.mask(UNLIMITED_WINDOW, False)
        causal = seen_SN is None and places.num_before == 0
        return nn.functional.scaled_dot_product_attention(
            q_BHSC, k_BHNC, v_BHNC, attn_mask=seen_SN, is_causal=causal, scale=self.scale
        )

    def _absorbs(self, num_queries: int) -> bool:
        """Whether fewer products are made on the latent itself than on what it expands to.

        Per head and token seen, L·(C + C_v) to expand, then C + R + C_v per query; without it 2·L + R per query.
        """
        part = self.part
        expanded = part.qk_nope_dim + part.v_dim
        return num_queries * (2 * part.kv_lora_rank - expanded) <= part.kv_lora_rank * expanded

    def _absorbed(self, q_BHSC: Tensor, q_BHSR: Tensor, both_B1NC: Tensor, places: Places) -> Tensor:
        """Queries taken to the latent, and what it sums to taken to values: all heads share one key."""
        part, (B, H, S, _) = self.part, q_BHSC.shape
        weight_HCL = self.expand.weight.view(H, -1, part.kv_lora_rank).to(q_BHSC.dtype)
        key_HCL, value_HCL = torch.tensor_split(weight_HCL, [part.qk_nope_dim], dim=1)
        q_BHSC = torch.cat([q_BHSC @ key_HCL, q_BHSR], dim=-1)
        seen_SN = places.mask(UNLIMITED_WINDOW, False, explicit=S > 1)
        if seen_SN is not None and S > 1:  # heads are further queries of the one key
            seen_SN = seen_SN.unsqueeze(-3).expand(*seen_SN.shape[:-2], H, -1, -1).flatten(-3, -2)
        q_B1QC, latent_B1NL = q_BHSC.flatten(1, 2)[:, None], both_B1NC[..., : part.kv_lora_rank]
        y_B1QL = nn.functional.scaled_dot_product_attention(
            q_B1QC, both_B1NC, latent_B1NL, attn_mask=seen_SN, scale=self.scale
        )
        return y_B1QL.view(B, H, S, -1) @ value_HCL.mT
