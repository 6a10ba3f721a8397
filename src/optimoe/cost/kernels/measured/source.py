"""Operator times from the measured tables of ``aiconfigurator-core``, fitted curves where those have none.

A call takes its fitted time times measured/fitted of its shape (:mod:`optimoe.cost.kernels.measured.ratios`):
exact at measured points, interpolated between them, the curve alone outside. Tables are those of one engine,
newest version.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import UnknownNameError
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import (
    AllReduce,
    DecodeAttention,
    Gemm,
    Kernel,
    KernelTime,
    PrefillAttention,
    RoutedExperts,
)
from optimoe.cost.kernels.fitted import ENGINES, Fitted
from optimoe.cost.kernels.measured import ratios
from optimoe.cost.kernels.measured.grid import RatioGrid
from optimoe.cost.kernels.measured.tables import Tables, tables_root

FULL = 1e-6
"""A prompt's attention counts as full where the tokens seen differ by less than this share: rounding stays
far below it, and a window that takes away less changes no time."""

Ratio = tuple[Values, Flags]
"""Measured over fitted time, and where it is known; 1 elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Silicon:
    """Measured kernels of one engine.

    Attributes:
        engine: vllm, sglang or trtllm.
        root: Folder of the tables.

    Raises:
        InputError: The extra ``silicon`` is not installed.
        UnknownNameError: No such engine.
    """

    engine: str = "vllm"
    root: Path = Path()

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise UnknownNameError("kernels: silicon has no tables of engine", self.engine, ENGINES)
        if self.root == Path():
            object.__setattr__(self, "root", tables_root())

    @property
    def name(self) -> str:
        """The name by which a user chooses the source."""
        return f"silicon:{self.engine}"

    def time(self, gpu: Accelerator, precision: str, kernel: Kernel) -> KernelTime:
        """Seconds by the table of the kernel's family where it holds the shape, by the fitted curve elsewhere.

        What no table can hold (latent attention, which has no head width; rooflines; reads from the host) takes
        the curve.

        Raises:
            UnknownNameError: No such precision, or the accelerator was not measured; lists the nearest.
        """
        fitted, tables = Fitted(engine=self.engine).time(gpu, precision, kernel), self.tables(gpu)
        match kernel:
            case Gemm():
                grid = ratios.gemm_grid(tables, precision, kernel.activations)
                if grid is None:
                    return fitted
                ratio, known = grid.ratio(kernel.rows, kernel.width, kernel.depth)
            case PrefillAttention():
                ratio, known = _prefill_ratio(tables, kernel)
            case DecodeAttention():
                ratio, known = _decode_ratio(tables, precision, kernel)
            case RoutedExperts():
                ratio, known = _experts_ratio(tables, precision, kernel)
            case AllReduce():
                ratio, known = _by_key(
                    lambda ranks: ratios.all_reduce_grid(tables, ranks),
                    {"ranks": kernel.ranks},
                    (kernel.payload_bytes,),
                )
            case _:
                return fitted
        return _scaled(fitted, ratio, known)

    def tables(self, gpu: Accelerator) -> Tables:
        """The tables of an accelerator.

        Raises:
            UnknownNameError: It was not measured; lists the nearest.
        """
        return Tables(root=self.root, engine=self.engine, gpu=gpu)


def _prefill_ratio(tables: Tables, attention: PrefillAttention) -> Ratio:
    """Full causal attention over prompts, by requests and length, for measured heads."""
    everything = attended(attention.length, UNLIMITED_WINDOW, "prefill")
    full = np.abs(attention.seen / everything - 1) < FULL
    ratio, known = _by_key(
        lambda num_heads, num_kv_heads, head_dim: ratios.prefill_grid(tables, num_heads, num_kv_heads, head_dim),
        _heads(attention),
        (attention.requests, attention.length),
    )
    return np.where(full, ratio, 1.0), known & full


def _decode_ratio(tables: Tables, kv_precision: str, attention: DecodeAttention) -> Ratio:
    """Attention over caches, by requests and context, for measured heads of the very width."""
    return _by_key(
        lambda num_heads, num_kv_heads, head_dim: ratios.decode_grid(
            tables, kv_precision, num_heads, num_kv_heads, head_dim
        ),
        _heads(attention),
        (attention.requests, attention.seen),
    )


def _heads(attention: PrefillAttention | DecodeAttention) -> dict[str, Values]:
    return {
        "num_heads": attention.num_heads,
        "num_kv_heads": attention.num_kv_heads,
        "head_dim": attention.head_dim,
    }


def _experts_ratio(tables: Tables, precision: str, experts: RoutedExperts) -> Ratio:
    """Routed experts of a measured shape, by tokens of the whole layer."""
    keys = {
        "d_model": experts.d_model,
        "width": experts.width,
        "num_experts": experts.num_experts,
        "top_k": experts.top_k,
        "ep": experts.ep,
    }
    return _by_key(
        lambda **key: ratios.experts_grid(tables, precision, activations=experts.activations, **key),
        keys,
        (experts.moved_pairs / experts.top_k,),
    )


def _scaled(fitted: KernelTime, ratio: Values, measured: Flags) -> KernelTime:
    """All parts of a time by one ratio: the whole scales with them."""
    return replace(
        fitted,
        launch_s=fitted.launch_s * ratio,
        side_s=fitted.side_s * ratio,
        compute_s=fitted.compute_s * ratio,
        memory_s=fitted.memory_s * ratio,
        measured=measured[()],
    )


def _by_key(find: Callable[..., RatioGrid | None], keys: Mapping[str, Values], sizes: tuple[Values, ...]) -> Ratio:
    """The ratio of every element by the grid that ``find`` has of its keys; 1 and unknown where it has none."""
    columns = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (*keys.values(), *sizes)))
    shape = columns[0].shape
    flat = np.stack([column.ravel() for column in columns])
    ratio, known = np.ones(flat.shape[1]), np.zeros(flat.shape[1], dtype=bool)
    kinds, which = np.unique(flat[: len(keys)], axis=1, return_inverse=True)
    for number, kind in enumerate(kinds.T):
        grid = find(**dict(zip(keys, kind.tolist(), strict=True)))
        if grid is not None:
            here = which.ravel() == number
            ratio[here], known[here] = grid.ratio(*flat[len(keys) :, here])
    return ratio.reshape(shape)[()], known.reshape(shape)
