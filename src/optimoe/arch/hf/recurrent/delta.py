"""Field tables of linear attention by the delta rule: OLMo-hybrid, Kimi-Linear, Ling."""

from dataclasses import dataclass
from typing import Any, ClassVar

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.mixers import DeltaNet
from optimoe.arch.parts import GatedDeltaNet, KimiDelta


class SharedDeltaNet(DeltaNet):
    """Gated delta rule of OLMo-hybrid: heads and widths that are null follow from those of the attention."""

    def read(self, fields: Fields, d_model: int) -> GatedDeltaNet:
        """Read a linear mixer: keys of ⌊0.75·d/heads⌋, values twice as wide, where nothing else is stated."""
        heads = fields.count("num_attention_heads")
        key_heads = fields.count("linear_num_key_heads", null=heads, absent=heads)
        usual = max(3 * d_model // (4 * key_heads), 1)
        key_dim = fields.count("linear_key_head_dim", null=usual, absent=usual)
        return GatedDeltaNet(
            num_key_heads=key_heads,
            num_value_heads=fields.count("linear_num_value_heads", null=heads, absent=heads),
            key_dim=key_dim,
            value_dim=fields.count("linear_value_head_dim", null=2 * key_dim, absent=2 * key_dim),
            d_conv=fields.count("linear_conv_kernel_dim"),
        )


@dataclass(frozen=True, kw_only=True)
class KimiDeltaFields:
    """Fields of Kimi delta attention, each under names of which the first that stands counts.

    Attributes:
        heads, head_dim, conv: Names; the last is written.
        ranked: Whether decay and gate pass a rank, which is a head's width.
    """

    part: ClassVar = KimiDelta
    heads: tuple[str, ...]
    head_dim: tuple[str, ...]
    conv: tuple[str, ...]
    ranked: bool

    def read(self, fields: Fields, d_model: int) -> KimiDelta:
        """Read a linear mixer from its fields."""
        heads, head_dim, conv = (_first(fields, names) for names in (self.heads, self.head_dim, self.conv))
        rank = head_dim if self.ranked else 0
        return KimiDelta(num_heads=heads, head_dim=head_dim, d_conv=conv, decay_rank=rank, gate_rank=rank)

    def write(self, mixer: KimiDelta, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        values = (mixer.num_heads, mixer.head_dim, mixer.d_conv)
        names = (self.heads, self.head_dim, self.conv)
        return {alternatives[-1]: value for alternatives, value in zip(names, values, strict=True)}


def _first(fields: Fields, names: tuple[str, ...]) -> int:
    """The count of the first field that stands, or the error that the last is missing."""
    return fields.count(next((name for name in names if fields.has(name)), names[-1]))
