"""How one matrix is stored: values, and the scales, zero points and indices beside them."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Storage of a matrix of n rows (outputs) and m columns (inputs).

    Attributes:
        word: The format, as everywhere else in this package.
        activations: Format of what enters the product; bf16 is weight-only.
        value_bits: Bits of one value.
        block: Rows and columns that share a scale; 0 is all of them.
        scale_bits: Bits of what a block has beside its values: scale, and zero point where there is one.
        column_bits: Bits per column: indices of groups, or scales of activations.
        matrix_bits: Bits per matrix: global scales and the like.
    """

    word: str
    activations: str = "bf16"
    value_bits: float = 8
    block: tuple[int, int] = (0, 0)
    scale_bits: float = 32
    column_bits: float = 0
    matrix_bits: float = 0

    def bits(self, rows: int, columns: int) -> float:
        """Bits of a matrix: b·n·m + s·⌈n/block rows⌉·⌈m/block columns⌉ + c·m + g."""
        high, wide = (self.block[0] or rows), (self.block[1] or columns)
        blocks = -(-rows // high) * -(-columns // wide)
        return (
            self.value_bits * rows * columns
            + self.scale_bits * blocks
            + self.column_bits * columns
            + self.matrix_bits
        )


FP8_TENSOR = Scheme(word="fp8", activations="fp8", matrix_bits=32)
"""One fp32 scale per matrix, and one of its input."""
FP8_CHANNEL = Scheme(word="fp8", activations="fp8", block=(1, 0))
"""One scale per output row."""
INT8_CHANNEL = replace(FP8_CHANNEL, word="int8", activations="int8")
NVFP4 = Scheme(word="nvfp4", activations="nvfp4", value_bits=4, block=(1, 16), scale_bits=8, matrix_bits=64)
"""An fp8 scale per 16 columns; an fp32 scale per matrix and one of its input."""
MXFP4 = Scheme(word="mxfp4", value_bits=4, block=(1, 32), scale_bits=8)
"""A power of two per 32 columns."""


def fp8_blocks(rows: int, columns: int) -> Scheme:
    """8 bits with one fp32 scale per block of so many rows and columns (DeepSeek-V3's ``weight_scale_inv``)."""
    return Scheme(word="fp8", activations="fp8", block=(rows, columns))


def grouped_integers(bits: int, group: int, *, zeros: bool, indices: bool = False) -> Scheme:
    """Integers with a 16-bit scale, and a zero point of as many bits as a value, per row and group of columns.

    Args:
        bits: Of one value: 4 or 8.
        group: Columns of a group; 0 or less is all of them.
        zeros: Whether zero points are stored.
        indices: Whether each column has a 32-bit index of its group (``g_idx`` of GPTQ).
    """
    return Scheme(
        word=f"int{bits}",
        value_bits=bits,
        block=(1, max(group, 0)),
        scale_bits=16 + bits * zeros,
        column_bits=32 * indices,
    )
