"""Field tables of RWKV-4 and xLSTM, and of their feed-forwards."""

from dataclasses import dataclass
from typing import Any, ClassVar

from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.fields import Fields
from optimoe.arch.parts import DenseFFN, MatrixMemory, TimeMixing
from optimoe.core.errors import require

_LARGEST_FACTOR = 1000


class TimeMixingFields:
    """Time mixing of RWKV-4, as wide as the residual stream where no width is stated."""

    part: ClassVar = TimeMixing

    def read(self, fields: Fields, d_model: int) -> TimeMixing:
        """Read a mixer from its fields."""
        width = fields.count("attention_hidden_size", null=d_model, absent=d_model)
        return TimeMixing(width=width, d_shift=d_model)

    def write(self, mixer: TimeMixing, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        return {"attention_hidden_size": mixer.width}


@dataclass(frozen=True, kw_only=True)
class Receptive(Dense):
    """The channel mixing of RWKV: a plain feed-forward behind a receptance."""

    def read(self, fields: Fields, d_model: int) -> DenseFFN:
        """Read a feed-forward, four times as wide as the residual stream where no width is stated."""
        usual = 4 * d_model
        width = fields.count(self.width, null=usual, absent=usual)
        return DenseFFN(d_ff=width, gated=False, receptance=True)


class MatrixMemoryFields:
    """Heads of xLSTM, whose widths are factors of d, rounded down."""

    part: ClassVar = MatrixMemory

    def read(self, fields: Fields, d_model: int) -> MatrixMemory:
        """Read a mixer from its fields."""
        return MatrixMemory(
            num_heads=fields.count("num_heads"),
            qk_width=int(d_model * _factor(fields, "qk_dim_factor")),
            v_width=int(d_model * _factor(fields, "v_dim_factor")),
        )

    def write(self, mixer: MatrixMemory, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from: factors that round down to its widths."""
        return {
            "num_heads": mixer.num_heads,
            "qk_dim_factor": (mixer.qk_width + 0.5) / d_model,
            "v_dim_factor": (mixer.v_width + 0.5) / d_model,
        }


@dataclass(frozen=True, kw_only=True)
class Factored(Dense):
    """A feed-forward of xLSTM: a factor of d, rounded up to whole multiples."""

    def read(self, fields: Fields, d_model: int) -> DenseFFN:
        """Read a feed-forward: ⌊(d·factor + m − 1)/m⌋·m."""
        multiple = fields.count("ffn_round_up_to_multiple_of")
        width = int((d_model * _factor(fields, self.width) + multiple - 1) // multiple * multiple)
        return DenseFFN(d_ff=width)

    def written(self, ffn: DenseFFN, d_model: int) -> dict[str, Any]:
        """Write the width as a factor that is rounded down to it."""
        return {self.width: (ffn.d_ff + 0.5) / d_model, "ffn_round_up_to_multiple_of": 1}


def _factor(fields: Fields, name: str) -> float:
    """A positive number."""
    value = fields.value(name)
    number = type(value) in (int, float) and 0 < value < _LARGEST_FACTOR
    require(number, name, f"a number above 0 and below {_LARGEST_FACTOR}", value)
    return float(value)
