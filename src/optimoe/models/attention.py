"""Softmax attention: grouped queries and latent, rotary positions, windows.

Legend: B sequences, S positions, H query heads, J key-value heads, C channels of a head, R half of the rotated
channels, D model width.
"""

import torch
from torch import Tensor, nn

from optimoe.arch.parts import UNLIMITED_WINDOW, Attention, LatentAttention

LATENT_NORM_EPS = 1e-6
"""Of the norms inside latent attention: DeepSeek's own, whatever the model's other norms add."""

Rope = tuple[Tensor, Tensor]
"""Cosines and sines of the angles, broadcast over heads."""


def rotary(position_S: Tensor, dim: int, theta: float, dtype: torch.dtype) -> Rope:
    """Cosine and sine of position·theta^(−2r/dim), (…, S, R) each, for r < R = dim/2 (RoPE, arXiv 2104.09864).

    Args:
        position_S: Positions, (…, S).
        dim: Channels of a head that are turned.
        theta: Base of the frequencies.
        dtype: Of the result; the angles are computed in float32 or wider.
    """
    wide = torch.promote_types(dtype, torch.float32)
    exponent_R = torch.arange(0, dim, 2, device=position_S.device, dtype=wide) / dim
    angle_SR = position_S.to(wide)[..., None] * theta**-exponent_R
    return angle_SR.cos().to(dtype), angle_SR.sin().to(dtype)


def rotate(x_BHSC: Tensor, rope: Rope) -> Tensor:
    """Rotate channel r with channel r + R by the position's angle."""
    cos_SR, sin_SR = rope
    first, second = x_BHSC.chunk(2, dim=-1)
    return torch.cat([first * cos_SR - second * sin_SR, second * cos_SR + first * sin_SR], dim=-1)


def visible(position_S: Tensor, window_tokens: int, chunked: bool, run_S: Tensor | None = None) -> Tensor:
    """A mask of the keys that each query sees, (…, S, S) bool: none after it, and of those before it the window's.

    Args:
        position_S: Positions, which a chunk is cut by, (S,) or (B, S).
        window_tokens: Width of the window, or of a chunk.
        chunked: Whether positions are cut into chunks that see themselves alone.
        run_S: The document of each token, (B, S): a query sees keys of its own alone.
    """
    at_S = torch.arange(position_S.shape[-1], device=position_S.device)
    past_SS = at_S[None, :] <= at_S[:, None]
    if chunked:
        chunk_S = position_S // window_tokens
        seen_SS = past_SS & (chunk_S[..., :, None] == chunk_S[..., None, :])
    else:
        seen_SS = past_SS & (at_S[:, None] - at_S[None, :] < window_tokens)
    return seen_SS if run_S is None else seen_SS & (run_S[..., :, None] == run_S[..., None, :])


def document_runs(document_BS: Tensor) -> tuple[Tensor, Tensor]:
    """Number of each token's document in its row, (B, S), and where one begins: runs of equal numbers are one."""
    new_BS = document_BS[:, 1:] != document_BS[:, :-1]
    new_BS = nn.functional.pad(new_BS, (min(1, document_BS.shape[1]), 0))
    return new_BS.cumsum(1), new_BS


class Places:
    """Where the tokens of a forward pass stand: their positions, and the documents that no query sees beyond.

    Angles and masks are made when a layer asks for them first, and are shared by all that ask for the same.

    Attributes:
        position_S: Positions, (S,), or (B, S) where rows differ.
        run_BS: Number of each token's document in its row, or none where rows are one document each.

    Args:
        ids_BS: Token ids.
        document_BS: The document of each token; every run of equal numbers is one.
        position_BS: Positions; left out, they count from 0 in each document.
    """

    def __init__(self, ids_BS: Tensor, document_BS: Tensor | None, position_BS: Tensor | None) -> None:
        at_S = torch.arange(ids_BS.shape[1], device=ids_BS.device)
        self.position_S, self.run_BS = at_S, None
        self._given = position_BS is not None
        if document_BS is not None:
            self.run_BS, new_BS = document_runs(document_BS)
            self.position_S = at_S - torch.where(new_BS, at_S, 0).cummax(1).values
        if position_BS is not None:
            self.position_S = position_BS
        self._ropes: dict[tuple[int, float, torch.dtype], Rope] = {}
        self._masks: dict[tuple[int, bool], Tensor] = {}

    def rope(self, dim: int, theta: float, dtype: torch.dtype) -> Rope:
        """Cosines and sines that broadcast over heads."""
        key = (dim, theta, dtype)
        if key not in self._ropes:
            cos_SR, sin_SR = rotary(self.position_S, dim, theta, dtype)
            wide = cos_SR.ndim == 3
            self._ropes[key] = (cos_SR[:, None], sin_SR[:, None]) if wide else (cos_SR, sin_SR)
        return self._ropes[key]

    def mask(self, window_tokens: int, chunked: bool) -> Tensor | None:
        """What each query sees, (S, S) or (B, 1, S, S) bool; none where that is all that comes before it."""
        num_positions = self.position_S.shape[-1]
        window = min(window_tokens, num_positions) if not chunked else window_tokens
        whole = window_tokens >= num_positions and not (chunked and self._given)  # else a chunk may end anywhere
        if self.run_BS is None and whole:
            return None
        key = (window, chunked)
        if key not in self._masks:
            seen_SS = visible(self.position_S, max(1, window), chunked, self.run_BS)
            self._masks[key] = seen_SS[:, None] if seen_SS.ndim == 3 else seen_SS
        return self._masks[key]


class SelfAttention(nn.Module):
    """softmax(q·k/√C + mask) v with J ≤ H key-value heads (GQA, arXiv 2305.13245).

    Attributes:
        scale: Of the products, in place of 1/√C where it is given.
        query, key, value, output: Projections.
        gate: Projection of the output's gate, or none: the output is multiplied with its sigmoid.
        query_norm, key_norm: RMS norms per head or over all heads, or none.
        sink_H: A logit per head that takes part in the softmax and contributes nothing, or none.
    """

    def __init__(self, part: Attention, d_model: int, norm_eps: float, scale: float = 0.0) -> None:
        super().__init__()
        self.part, self.scale = part, scale or part.head_dim**-0.5
        d_query, d_key = part.num_heads * part.head_dim, part.num_kv_heads * part.head_dim
        self.query = nn.Linear(d_model, d_query, bias=part.qkv_bias)
        self.key = nn.Linear(d_model, d_key, bias=part.qkv_bias)
        self.value = nn.Linear(d_model, d_key, bias=part.qkv_bias)
        self.gate = nn.Linear(d_model, d_query, bias=part.qkv_bias) if part.output_gate else None
        self.output = nn.Linear(d_query, d_model, bias=part.output_bias)
        widths = {"none": None, "head": (part.head_dim,) * 2, "full": (d_query, d_key)}[part.qk_norm]
        self.query_norm = nn.RMSNorm(widths[0], eps=norm_eps) if widths else None
        self.key_norm = nn.RMSNorm(widths[1], eps=norm_eps) if widths else None
        self.sink_H = nn.Parameter(torch.zeros(part.num_heads)) if part.sinks else None

    @property
    def rope_dim(self) -> int:
        """Number of a head's channels that rotary positions turn."""
        return self.part.head_dim

    def forward(self, x_BSD: Tensor, rope: Rope | None, places: Places) -> Tensor:
        """Attend over the sequence, causally, each document by itself.

        Args:
            x_BSD: Input.
            rope: Angles of :func:`rotary`; none where positions are learned.
            places: Where the tokens stand.
        """
        q_BHSC = self._heads(self.query(x_BSD), self.query_norm)
        k_BJSC = self._heads(self.key(x_BSD), self.key_norm)
        v_BJSC = self._heads(self.value(x_BSD), None)
        if rope is not None:
            q_BHSC, k_BJSC = rotate(q_BHSC, rope), rotate(k_BJSC, rope)
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

    def _attend(self, q_BHSC: Tensor, k_BJSC: Tensor, v_BJSC: Tensor, places: Places) -> Tensor:
        num_positions = q_BHSC.shape[2]
        attend = nn.functional.scaled_dot_product_attention
        grouped = self.part.num_heads != self.part.num_kv_heads
        seen_SS = places.mask(self.part.window_tokens, self.part.chunked)
        if self.sink_H is None:
            causal = seen_SS is None
            return attend(
                q_BHSC, k_BJSC, v_BJSC, attn_mask=seen_SS, is_causal=causal, enable_gqa=grouped, scale=self.scale
            )
        if seen_SS is None:
            seen_SS = visible(places.position_S, max(1, num_positions), False)
        mask_SS = torch.zeros_like(seen_SS, dtype=q_BHSC.dtype).masked_fill(~seen_SS, -torch.inf)
        mask_BHSS = mask_SS if mask_SS.ndim == 4 else mask_SS[None, None]
        mask_BHSS = mask_BHSS.expand(-1, self.part.num_heads, -1, -1)
        sink_HS1 = self.sink_H.to(q_BHSC.dtype)[:, None, None].expand(-1, num_positions, 1)
        mask_HSs = torch.cat([mask_BHSS, sink_HS1.expand(mask_BHSS.shape[0], -1, -1, -1)], dim=-1)
        k_BJsC, v_BJsC = (nn.functional.pad(x_BJSC, (0, 0, 0, 1)) for x_BJSC in (k_BJSC, v_BJSC))
        return attend(q_BHSC, k_BJsC, v_BJsC, attn_mask=mask_HSs, enable_gqa=grouped, scale=self.scale)


class LatentSelfAttention(nn.Module):
    """Attention whose keys and values are expanded from one narrow latent (MLA; arXiv 2405.04434, Sec. 2.1).

    Attributes:
        query_down, query_norm, query_up: The compressed queries; where they are not, ``query_up`` projects D.
        latent: D → latent and the rotated key that all heads share.
        latent_norm, expand: The latent's norm, and its expansion to keys and values of all heads.
        output: H·C_v → D.
    """

    def __init__(self, part: LatentAttention, d_model: int, scale: float = 0.0) -> None:
        super().__init__()
        self.part, self.scale = part, scale or (part.qk_nope_dim + part.qk_rope_dim) ** -0.5
        rank, d_query = part.q_lora_rank, part.num_heads * (part.qk_nope_dim + part.qk_rope_dim)
        self.query_down = nn.Linear(d_model, rank, bias=part.bias) if rank else None
        self.query_norm = nn.RMSNorm(rank, eps=LATENT_NORM_EPS) if rank else None
        self.query_up = nn.Linear(rank or d_model, d_query, bias=False)
        self.latent = nn.Linear(d_model, part.kv_lora_rank + part.qk_rope_dim, bias=part.bias)
        self.latent_norm = nn.RMSNorm(part.kv_lora_rank, eps=LATENT_NORM_EPS)
        d_expanded = part.num_heads * (part.qk_nope_dim + part.v_dim)
        self.expand = nn.Linear(part.kv_lora_rank, d_expanded, bias=False)
        self.output = nn.Linear(part.num_heads * part.v_dim, d_model, bias=part.bias)

    @property
    def rope_dim(self) -> int:
        """Number of a head's channels that rotary positions turn."""
        return self.part.qk_rope_dim

    def forward(self, x_BSD: Tensor, rope: Rope | None, places: Places) -> Tensor:
        """Attend over the sequence, causally, each document by itself.

        Args:
            x_BSD: Input.
            rope: Angles of :func:`rotary`; none where positions are learned.
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
        if rope is not None:
            q_turned, k_turned = rotate(q_turned, rope), rotate(k_turned, rope)
        q_BHSC = torch.cat([q_fixed, q_turned], dim=-1)
        seen_SS = places.mask(UNLIMITED_WINDOW, False)
        k_BHSC = torch.cat([k_fixed, k_turned.expand(-1, part.num_heads, -1, -1)], dim=-1)
        y_BHSC = nn.functional.scaled_dot_product_attention(
            q_BHSC, k_BHSC, v_BHSC, attn_mask=seen_SS, is_causal=seen_SS is None, scale=self.scale
        )
        return self.output(y_BHSC.transpose(1, 2).flatten(2))


AnyAttention = SelfAttention | LatentSelfAttention
