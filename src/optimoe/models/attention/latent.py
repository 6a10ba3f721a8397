"""Softmax attention whose keys and values come from one narrow latent.

Legend: B sequences, S positions, H heads, C channels of a head, D model width.
"""

import torch
from torch import Tensor, nn

from optimoe.arch.parts import UNLIMITED_WINDOW, LatentAttention
from optimoe.core.errors import require
from optimoe.models.attention.places import Places
from optimoe.models.attention.rope import Rotary, rotate

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
        self.query_down = nn.Linear(d_model, rank, bias=part.bias) if rank else None
        self.query_norm = nn.RMSNorm(rank, eps=LATENT_NORM_EPS) if rank else None
        self.query_up = nn.Linear(rank or d_model, d_query, bias=False)
        self.latent = nn.Linear(d_model, part.kv_lora_rank + part.qk_rope_dim, bias=part.bias)
        self.latent_norm = nn.RMSNorm(part.kv_lora_rank, eps=LATENT_NORM_EPS)
        d_expanded = part.num_heads * (part.qk_nope_dim + part.v_dim)
        self.expand = nn.Linear(part.kv_lora_rank, d_expanded, bias=False)
        self.output = nn.Linear(part.num_heads * part.v_dim, d_model, bias=part.bias)

    def forward(self, x_BSD: Tensor, places: Places) -> Tensor:
        """Attend over the sequence, causally, each document by itself.

        Args:
            x_BSD: Input.
            places: Where the tokens stand.
        """
        part = self.part
        narrow = x_BSD
        if self.query_down is not None and self.query_norm is not None:
            narrow = self.query_norm(self.query_down(x_BSD))
        q_BHSC = self.query_up(narrow).unflatten(-1, (part.num_heads, -1)).transpose(1, 2)
        q_fixed, q_turned = q_BHSC.split([part.qk_nope_dim, part.qk_rope_dim], dim=-1)
        latent, k_turned = self.latent(x_BSD).split([part.kv_lora_rank, part.qk_rope_dim], dim=-1)
        wide = self.expand(self.latent_norm(latent)).unflatten(-1, (part.num_heads, -1)).transpose(1, 2)
        k_fixed, v_BHSC = wide.split([part.qk_nope_dim, part.v_dim], dim=-1)
        k_turned = k_turned[:, None]
        if self.rotary is not None:
            rope = places.rope(self.rotary, self.turned, x_BSD.dtype)
            q_turned, k_turned = rotate(q_turned, rope), rotate(k_turned, rope)
        q_BHSC = torch.cat([q_fixed, q_turned], dim=-1)
        seen_SS = places.mask(UNLIMITED_WINDOW, False)
        k_BHSC = torch.cat([k_fixed, k_turned.expand(-1, part.num_heads, -1, -1)], dim=-1)
        y_BHSC = nn.functional.scaled_dot_product_attention(
            q_BHSC, k_BHSC, v_BHSC, attn_mask=seen_SS, is_causal=seen_SS is None, scale=self.scale
        )
        return self.output(y_BHSC.transpose(1, 2).flatten(2))
