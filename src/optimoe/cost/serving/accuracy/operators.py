"""Whether kernels of a GPU, a precision and a family were measured, by the tables of curves themselves."""

from enum import IntEnum
from functools import cache
from typing import Any

from optimoe.cost.engines.measured import Measured
from optimoe.cost.facts import OPERATORS, operator_table
from optimoe.cost.hardware.accelerator import Accelerator, accelerator_key, accelerator_names, find_accelerator
from optimoe.cost.kernels.curve import find_row


class MeasuredStanding(IntEnum):
    """What stands behind one side of an answer, from the strongest to nothing."""

    END_TO_END = 0
    OPERATORS = 1
    ARCHITECTURE = 2
    NEVER = 3

    @property
    def words(self) -> str:
        """How a line says it."""
        return STANDING_WORDS[self]


STANDING_WORDS = {
    MeasuredStanding.END_TO_END: "measured end to end",
    MeasuredStanding.OPERATORS: "operators measured",
    MeasuredStanding.ARCHITECTURE: "operators of its architecture measured",
    MeasuredStanding.NEVER: "never measured",
}


@cache
def known_gpu(name: str) -> Accelerator | None:
    """An accelerator of the tables, once; none of another name."""
    return find_accelerator(name) if name in accelerator_names() else None


def same_gpu(gpu: Accelerator, name: str) -> bool:
    """Whether a GPU is the one that was measured under a name: a file of that name with other figures is not."""
    known = known_gpu(name)
    if known is None or accelerator_key(gpu.name) != name:
        return False
    figures = ("architecture", "memory_bytes_per_s", "peak_flops_per_s", "clock_hz", "intra_node_bytes_per_s")
    return all(getattr(gpu, figure) == getattr(known, figure) for figure in figures)


@cache
def measured_gpus(family: str, kind: str, architecture: str) -> tuple[str, ...]:
    """GPUs of an architecture whose kernels of a kind its curve was fitted to."""
    rows = operator_table(family).get(kind, {})
    row = rows.get(architecture, {}) if isinstance(rows, dict) else {}
    return _gpus(row)


def kernels_standing(family: str, kind: str, gpu: Accelerator) -> MeasuredStanding:
    """Whether a family's kernels of a kind were measured on this GPU, on its architecture, or on neither."""
    own = kind if family in BY_FORMAT else USUAL_KIND[family]
    measured = measured_gpus(family, own, gpu.architecture)
    if any(same_gpu(gpu, name) for name in measured):
        return MeasuredStanding.OPERATORS
    return MeasuredStanding.ARCHITECTURE if measured else MeasuredStanding.NEVER


def curve_error(family: str, kind: str, architecture: str, engine: str) -> float:
    """90 % of the size of a curve's errors on shapes that it was not fitted to; 0 where that was not measured."""
    return float(find_row(family, table_kind(family, kind), architecture, engine).get("p90_error", 0.0))


def usual_curve_error(family: str, measured: tuple[Measured, ...]) -> float:
    """The mean of such errors over the GPUs, precisions and engines of measured deployments: it is in the base."""
    gpus = [(row, known_gpu(row.gpu)) for row in measured]
    found = [curve_error(family, row.precision, gpu.architecture, row.engine) for row, gpu in gpus if gpu]
    return sum(found) / len(found) if found else 0.0


def worst_curve_error(family: str, kind: str) -> float:
    """The largest of such errors over all architectures where a kind was measured."""
    rows = operator_table(family)[table_kind(family, kind)]
    return max((float(row.get("p90_error", 0.0)) for row in rows.values()), default=0.0)


def table_kind(family: str, kind: str) -> str:
    """The kind under which a table holds a format: of families that have no kind by format, their usual one."""
    kinds = operator_table(family)
    return kind if isinstance(kinds.get(kind), dict) else USUAL_KIND[family]


BY_FORMAT = ("gemm", "experts")
"""Families whose kinds are formats of the weights."""

USUAL_KIND = {
    "gemm": "bf16",
    "experts": "bf16",
    "prefill_attention": "bf16",
    "decode_attention": "bf16",
    "elementwise": "bf16",
    "collective": "all_reduce",
}
"""Kinds of attention and of collectives do not go by the format of the weights."""


def gpu_standing(gpu: Accelerator) -> MeasuredStanding:
    """Whether any kernel was measured on this GPU, or on another of its architecture."""
    return min(
        kernels_standing(family, kind, gpu)
        for family in OPERATORS
        for kind, rows in operator_table(family).items()
        if isinstance(rows, dict)
    )


def _gpus(row: dict[str, Any]) -> tuple[str, ...]:
    """One GPU or several; a row by engine holds its own."""
    names = row.get("gpus", row.get("gpu", ()))
    found = tuple(names.split(", ")) if isinstance(names, str) else tuple(names)
    inner = [_gpus(part) for part in row.values() if isinstance(part, dict)]
    return tuple(dict.fromkeys([*found, *(name for part in inner for name in part)]))
