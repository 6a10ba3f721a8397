"""Rotary positions: which channels of a head turn, how fast, and how they are slowed for longer texts.

Legend: B sequences, H heads, S positions, C channels of a head, T = 2R those that are turned.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from optimoe.core.config import build, build_kind
from optimoe.core.errors import require, require_choice, require_positive, require_types

Rope = tuple[Tensor, Tensor]
"""Cosines and signed sines of the angles, over both halves of the turned channels; they broadcast over heads."""


@dataclass(frozen=True, kw_only=True)
class RopeScaling:
    """How frequencies are slowed: each becomes f·(kept + (1 − kept)/factor); by itself, none is.

    Attributes:
        factor: By how much a text may be longer than those that the frequencies were made for.

    Raises:
        ConfigError: A number is out of its limits.
    """

    kind: ClassVar[str] = "none"
    factor: float = 1.0

    def __post_init__(self) -> None:
        require_types(self)
        for name, value in vars(self).items():
            require(0 <= value < math.inf, f"scaling: {name}", "zero or more, and finite", value)
        require(self.factor >= 1, "scaling: factor", "1 or more", self.factor)
        fixed = self.kind != "none" or self.factor == 1
        require(fixed, "scaling: factor", "1 without a kind of scaling", self.factor)

    def kept_R(self, frequency_R: Tensor, dim: int, theta: float) -> Tensor:
        """Share of each frequency that is not slowed, (R,), 0 to 1."""
        return torch.ones_like(frequency_R)

    @property
    def turned_factor(self) -> float:
        """What turned queries and keys are multiplied by."""
        return 1.0

    @property
    def latent_factor(self) -> float:
        """What the products q·k of latent attention are multiplied by."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class LinearScaling(RopeScaling):
    """Every frequency divided by the factor: position interpolation (arXiv 2306.15595)."""

    kind: ClassVar[str] = "linear"

    def kept_R(self, frequency_R: Tensor, dim: int, theta: float) -> Tensor:
        """Nothing of any frequency is kept."""
        return torch.zeros_like(frequency_R)


@dataclass(frozen=True, kw_only=True)
class Llama3Scaling(RopeScaling):
    """Slow frequencies divided, fast ones kept, those between blended (Llama 3.1, arXiv 2407.21783).

    A frequency turns n = original_positions·f/2π times in the original texts, and (n − low)/(high − low) of it
    is kept, between 0 and 1.

    Attributes:
        original_positions: Tokens of the texts that the frequencies were made for.
        low_freq_factor, high_freq_factor: Turns up to which nothing is kept, and from which on all is.
    """

    kind: ClassVar[str] = "llama3"
    original_positions: int
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "original_positions")
        low, high = self.low_freq_factor, self.high_freq_factor
        require(high > low, "scaling: high_freq_factor", f"more than low_freq_factor = {low}", high)

    def kept_R(self, frequency_R: Tensor, dim: int, theta: float) -> Tensor:
        """Kept are channels that turn often in the original texts."""
        turns_R = self.original_positions * frequency_R / (2 * math.pi)
        return ((turns_R - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class YarnScaling(RopeScaling):
    """Blended by the channel's number, and products sharpened: YaRN (arXiv 2309.00071, Sec. 3.2–3.4).

    With b(n) = dim·ln(original_positions/(2πn))/(2·ln θ), the channel that turns n times in the original texts,
    channels below b(beta_fast) are kept, above b(beta_slow) divided. Turned queries and keys are multiplied by
    m(mscale)/m(mscale_all_dim), where m(s) = 0.1·s·ln(factor) + 1, or by m(1) where one of the two is 0; latent
    attention's products by m(mscale_all_dim)² (DeepSeek-V2's own code).

    Attributes:
        original_positions: Tokens of the texts that the frequencies were made for.
        beta_fast, beta_slow: Turns from which on all is kept, and up to which nothing is.
        attention_factor: In place of the ratio of m; 0 keeps that.
        mscale, mscale_all_dim: As above.
        truncate: Whether the bounds are rounded outwards to whole channels (gpt-oss does not).
    """

    kind: ClassVar[str] = "yarn"
    original_positions: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float = 0.0
    mscale: float = 0.0
    mscale_all_dim: float = 0.0
    truncate: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "original_positions", "beta_slow")
        fast, slow = self.beta_fast, self.beta_slow
        require(fast > slow, "scaling: beta_fast", f"more than beta_slow = {slow}", fast)

    def kept_R(self, frequency_R: Tensor, dim: int, theta: float) -> Tensor:
        """Kept are the first channels, those that turn often."""
        low, high = (
            dim * math.log(self.original_positions / (2 * math.pi * turns)) / (2 * math.log(theta))
            for turns in (self.beta_fast, self.beta_slow)
        )
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, dim - 1)
        channel_R = torch.arange(len(frequency_R), device=frequency_R.device, dtype=frequency_R.dtype)
        narrowest = 1e-3  # a step where the two bounds meet
        return 1 - ((channel_R - low) / max(high - low, narrowest)).clamp(0, 1)

    def _sharpened(self, weight: float) -> float:
        return 0.1 * weight * math.log(self.factor) + 1

    @property
    def turned_factor(self) -> float:
        """The ratio m(mscale)/m(mscale_all_dim), or what is stated."""
        if self.attention_factor:
            return self.attention_factor
        if self.mscale and self.mscale_all_dim:
            return self._sharpened(self.mscale) / self._sharpened(self.mscale_all_dim)
        return self._sharpened(1)

    @property
    def latent_factor(self) -> float:
        """The square of m(mscale_all_dim)."""
        return self._sharpened(self.mscale_all_dim) ** 2


SCALINGS: dict[str, type[RopeScaling]] = {
    one.kind: one for one in (RopeScaling, LinearScaling, Llama3Scaling, YarnScaling)
}
"""How frequencies may be slowed, by kind."""


@dataclass(frozen=True, kw_only=True)
class Rotary:
    """Rotary positions (RoPE, arXiv 2104.09864): channel pair r turns by position·theta^(−2r/dim).

    Attributes:
        theta: Base of the frequencies.
        share: Of a head's channels that turn: the first dim = ⌊share·channels⌋; the others know no position.
            Latent attention states its own and takes 1.
        scaling: How frequencies are slowed for longer texts.

    Raises:
        ConfigError: A number is out of its limits.
    """

    theta: float = 10_000.0
    share: float = 1.0
    scaling: RopeScaling = field(default_factory=RopeScaling)

    def __post_init__(self) -> None:
        require_types(self)
        require(1 < self.theta < math.inf, "rotary: theta", "above 1 and finite", self.theta)
        require(0 < self.share <= 1, "rotary: share", "above 0 and at most 1", self.share)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> "Rotary":
        """Rotary positions from a table; ``scaling`` is one with a ``kind``.

        Raises:
            ConfigError: A field has the wrong type or is out of its limits.
            UnknownNameError: No such field or kind; the text names the nearest.
        """
        require(isinstance(table, Mapping), where, "a table", table)
        plain = {name: value for name, value in table.items() if name != "scaling"}
        rotary = build(cls, plain, where)
        if "scaling" not in table:
            return rotary
        return replace(rotary, scaling=build_kind(_find_scaling, table["scaling"], f"{where}: scaling"))

    def turned(self, channels: int) -> int:
        """Number of a head's channels that turn.

        Raises:
            ConfigError: It is odd: channels turn in pairs.
        """
        dim = int(self.share * channels)
        name = "head_dim, qk_rope_dim" if self.share == 1 else f"rotary: share of {channels} channels"
        require(dim > 0 and dim % 2 == 0, name, "an even number, since channels turn in pairs", dim)
        return dim

    def rope(self, position_S: Tensor, dim: int, dtype: torch.dtype) -> Rope:
        """What :func:`rotate` takes, for arguments of :meth:`angles`: (cos, cos) and (−sin, sin), (…, S, 2R)."""
        cos_SR, sin_SR = self.angles(position_S, dim, dtype)
        return torch.cat([cos_SR, cos_SR], dim=-1), torch.cat([-sin_SR, sin_SR], dim=-1)

    def angles(self, position_S: Tensor, dim: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and sines of position·frequency, (…, S, R) each, times what the scaling sharpens by.

        Args:
            position_S: Positions, (…, S).
            dim: Channels of a head that are turned.
            dtype: Of the result; the angles are computed in float32 or wider.
        """
        wide = torch.promote_types(dtype, torch.float32)
        exponent_R = torch.arange(0, dim, 2, device=position_S.device, dtype=wide) / dim
        frequency_R = self.theta**-exponent_R
        if self.scaling.factor > 1:
            kept_R = self.scaling.kept_R(frequency_R, dim, self.theta)
            frequency_R = frequency_R * (kept_R + (1 - kept_R) / self.scaling.factor)
        angle_SR = position_S.to(wide)[..., None] * frequency_R
        sharpened = self.scaling.turned_factor
        return (angle_SR.cos() * sharpened).to(dtype), (angle_SR.sin() * sharpened).to(dtype)


def rotate(x_BHSC: Tensor, rope: Rope) -> Tensor:
    """Rotate channel r with channel r + R by the angle of the position, for r < R; :meth:`Rotary.rope` says both.

    As x·cos + (the other half of x)·(∓ sin), in two passes over whole heads.
    """
    cos_ST, sin_ST = rope
    num_turned = cos_ST.shape[-1]
    x_BHST = x_BHSC[..., :num_turned]
    turned_BHST = torch.addcmul(x_BHST * cos_ST, x_BHST.roll(num_turned // 2, dims=-1), sin_ST)
    if num_turned == x_BHSC.shape[-1]:
        return turned_BHST
    return torch.cat([turned_BHST, x_BHSC[..., num_turned:]], dim=-1)


def _find_scaling(kind: str) -> type[RopeScaling]:
    require_choice(kind, "scaling: kind", SCALINGS)
    return SCALINGS[kind]
