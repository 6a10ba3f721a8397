"""Field tables of LFM2 and RecurrentGemma: convolutions, gated recurrences, and their feed-forwards' widths."""

from dataclasses import dataclass
from typing import Any, ClassVar

from optimoe.arch.hf.ffns import Dense, learned
from optimoe.arch.hf.fields import Fields
from optimoe.arch.parts import DenseFFN, GatedRecurrence, ShortConvolution
from optimoe.core.errors import require


class ConvolutionFields:
    """Short convolutions of LFM2, as wide as the residual stream."""

    part: ClassVar = ShortConvolution

    def read(self, fields: Fields, d_model: int) -> ShortConvolution:
        """Read a convolution from its fields."""
        return ShortConvolution(width=d_model, d_conv=fields.count("conv_L_cache"), bias=fields.flag("conv_bias"))

    def write(self, mixer: ShortConvolution, d_model: int) -> dict[str, Any]:
        """Write a convolution into the fields that it was read from."""
        return {"conv_L_cache": mixer.d_conv, "conv_bias": mixer.bias}


@dataclass(frozen=True, kw_only=True)
class AdjustedDense(Dense):
    """A feed-forward of LFM2: the width is that of the field, or two thirds of it in whole multiples.

    With ``block_auto_adjust_ff_dim`` ⌊m·⌊2·w/3⌋⌋ rounded up to ``block_multiple_of``, w of the field and m
    ``block_ffn_dim_multiplier``, without which nothing is rounded.
    """

    def read(self, fields: Fields, d_model: int) -> DenseFFN:
        """Read a feed-forward from its fields.

        Raises:
            ConfigError: A field is no count, or the multiplier is no positive number.
        """
        width = fields.count("block_ff_dim" if fields.has("block_ff_dim") else self.width)
        if fields.flag("block_auto_adjust_ff_dim"):
            width = 2 * width // 3
            times = fields.value("block_ffn_dim_multiplier")
            if times is not None:
                number = isinstance(times, int | float) and not isinstance(times, bool)
                require(number and 0 < times < 2**16, "block_ffn_dim_multiplier", "a positive number", times)
                multiple = fields.count("block_multiple_of")
                width = -(-int(times * width) // multiple) * multiple
        return DenseFFN(d_ff=width)

    def write(self, ffn: DenseFFN) -> dict[str, Any]:
        """Write the width as it is."""
        return {self.width: ffn.d_ff, "block_auto_adjust_ff_dim": False}


class GatedRecurrenceFields:
    """Recurrent blocks of RecurrentGemma: as many blocks of the gates as the attention has heads."""

    part: ClassVar = GatedRecurrence

    def read(self, fields: Fields, d_model: int) -> GatedRecurrence:
        """Read a recurrent block from its fields."""
        return GatedRecurrence(
            width=fields.count("lru_width", null=d_model, absent=d_model),
            num_heads=fields.count("num_attention_heads"),
            d_conv=fields.count("conv1d_width"),
        )

    def write(self, mixer: GatedRecurrence, d_model: int) -> dict[str, Any]:
        """Write a recurrent block into the fields that it was read from."""
        return {
            "lru_width": mixer.width,
            "num_attention_heads": mixer.num_heads,
            "conv1d_width": mixer.d_conv,
        }


@dataclass(frozen=True, kw_only=True)
class HalvedDense(Dense):
    """A feed-forward whose field counts gate and input together (RecurrentGemma, Moshi)."""

    def read(self, fields: Fields, d_model: int) -> DenseFFN:
        """Read a feed-forward of half the field's width."""
        width = fields.count(self.width)
        params = learned(fields, self.activation)
        return DenseFFN(d_ff=width // 2, bias=self.bias is True, activation_params=params)

    def write(self, ffn: DenseFFN) -> dict[str, Any]:
        """Write twice the width."""
        return {self.width: 2 * ffn.d_ff}
