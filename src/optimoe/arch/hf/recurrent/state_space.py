"""Field tables of state-space layers: Mamba, Mamba-2, and attention beside one of them."""

from dataclasses import dataclass
from typing import Any, ClassVar

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import Mamba, Mamba2, ParallelMixers
from optimoe.core.errors import require


@dataclass(frozen=True, kw_only=True)
class MambaFields:
    """Fields of a Mamba layer: the inner width, where no field states it, is an expansion of d.

    Attributes:
        inner: Field of the inner width, which stands over the expansion; empty where there is none.
        expand, state, conv, rank, conv_bias, proj_bias: Names of the fields.
        inner_norms: Whether step size, B and C pass norms with weights.
    """

    part: ClassVar = Mamba
    inner: str = "intermediate_size"
    expand: str = "expand"
    state: str = "state_size"
    conv: str = "conv_kernel"
    rank: str = "time_step_rank"
    conv_bias: str = "use_conv_bias"
    proj_bias: str = "use_bias"
    inner_norms: bool = False

    def read(self, fields: Fields, d_model: int) -> Mamba:
        """Read a state-space mixer from its fields."""
        stated = bool(self.inner) and fields.has(self.inner)
        automatic = fields.is_text(self.rank, "auto")
        return Mamba(
            d_inner=fields.count(self.inner) if stated else fields.count(self.expand) * d_model,
            d_state=fields.count(self.state),
            d_conv=fields.count(self.conv),
            dt_rank=-(-d_model // 16) if automatic else fields.count(self.rank),
            conv_bias=fields.flag(self.conv_bias),
            proj_bias=fields.flag(self.proj_bias),
            inner_norms=self.inner_norms,
        )

    def write(self, mixer: Mamba, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        return ({self.inner: mixer.d_inner} if self.inner else {}) | {
            self.expand: mixer.d_inner // d_model,
            self.state: mixer.d_state,
            self.conv: mixer.d_conv,
            self.rank: mixer.dt_rank,
            self.conv_bias: mixer.conv_bias,
            self.proj_bias: mixer.proj_bias,
        }


@dataclass(frozen=True, kw_only=True)
class Mamba2Fields:
    """Fields of a Mamba-2 layer, under the names of Granite 4 and Bamba.

    Attributes:
        heads, head_dim, groups, state, conv: Names of the fields; ``auto`` as a head's width shares the inner one.
        expand: Field of the inner width over d; empty where it follows from the heads.
        inner: Field of the inner width, which stands over the expansion; empty where there is none.
        conv_bias, in_bias, out_bias: Fields that say so.
        gated_norm: Field that says so; empty where the family always has the norm.
    """

    part: ClassVar = Mamba2
    heads: str = "mamba_n_heads"
    head_dim: str = "mamba_d_head"
    groups: str = "mamba_n_groups"
    state: str = "mamba_d_state"
    conv: str = "mamba_d_conv"
    expand: str = "mamba_expand"
    inner: str = ""
    conv_bias: str = "mamba_conv_bias"
    in_bias: str = "mamba_proj_bias"
    out_bias: str = "mamba_proj_bias"
    gated_norm: str = ""

    def read(self, fields: Fields, d_model: int) -> Mamba2:
        """Read a state-space mixer from its fields.

        Raises:
            ConfigError: The heads are not as wide together as the inner width.
        """
        heads = fields.count(self.heads)
        if not self.expand:
            head_dim = fields.count(self.head_dim)
        else:
            stated = bool(self.inner) and fields.has(self.inner)
            inner = fields.count(self.inner) if stated else fields.count(self.expand) * d_model
            automatic = fields.is_text(self.head_dim, "auto")
            head_dim = max(inner // heads, 1) if automatic else fields.count(self.head_dim)
            require(heads * head_dim == inner, self.heads, f"heads as wide as {inner} together", heads)
        return Mamba2(
            num_heads=heads,
            head_dim=head_dim,
            num_groups=fields.count(self.groups),
            d_state=fields.count(self.state),
            d_conv=fields.count(self.conv),
            conv_bias=fields.flag(self.conv_bias),
            in_bias=fields.flag(self.in_bias),
            out_bias=fields.flag(self.out_bias),
            gated_norm=fields.flag(self.gated_norm) if self.gated_norm else True,
        )

    def write(self, mixer: Mamba2, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        config: dict[str, Any] = {
            self.heads: mixer.num_heads,
            self.head_dim: mixer.head_dim,
            self.groups: mixer.num_groups,
            self.state: mixer.d_state,
            self.conv: mixer.d_conv,
            self.conv_bias: mixer.conv_bias,
            self.in_bias: mixer.in_bias,
            self.out_bias: mixer.out_bias,
        }
        if self.inner:
            config[self.inner] = mixer.d_inner
        elif self.expand:
            config[self.expand] = mixer.d_inner // d_model
        return config | ({self.gated_norm: mixer.gated_norm} if self.gated_norm else {})


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Fields of softmax attention and of a Mamba-2 layer on the same input."""

    part: ClassVar = ParallelMixers
    attention: Gqa
    state_space: Mamba2Fields

    def read(self, fields: Fields, d_model: int, window: int, chunked: bool) -> ParallelMixers:
        """Read both mixers, the attention with that window."""
        return ParallelMixers(
            attention=self.attention.read(fields, d_model, window, chunked),
            state_space=self.state_space.read(fields, d_model),
        )

    def write(self, mixer: ParallelMixers) -> dict[str, Any]:
        """Write both mixers into the fields that they were read from."""
        return self.attention.write(mixer.attention) | self.state_space.write(mixer.state_space, 1)
