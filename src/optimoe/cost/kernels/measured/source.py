"""Operator times from the measured tables of ``aiconfigurator-core``, fitted curves where those have none.

A call takes its fitted time times measured/fitted of its shape (:mod:`optimoe.cost.kernels.measured.ratios`):
exact at measured points, interpolated between them, the curve alone outside. Tables are those of one engine,
newest version.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import UnknownNameError
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.curve import KernelTime
from optimoe.cost.kernels.fitted import FITTED
from optimoe.cost.kernels.measured import ratios
from optimoe.cost.kernels.measured.grid import RatioGrid
from optimoe.cost.kernels.measured.tables import ENGINES, Tables, tables_root

HEAD_DIMS = (128, 64, 192, 256, 512)
FULL = 1e-6
"""A prompt's attention counts as full where the tokens seen differ by less than this share."""


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
        """How a user chooses it."""
        return f"silicon:{self.engine}"

    def gemm(self, gpu: Accelerator, precision: str, rows: Values, width: Values, depth: Values) -> KernelTime:
        """One product, by M, N and K."""
        fitted = FITTED.gemm(gpu, precision, rows, width, depth)
        grid = ratios.gemm_grid(self.tables(gpu), precision)
        return fitted if grid is None else _scaled(fitted, *grid.ratio(rows, width, depth))

    def prefill_attention(
        self,
        gpu: Accelerator,
        requests: Values,
        num_heads: Values,
        num_kv_heads: Values,
        head_dim: Values,
        length: Values,
        seen: Values,
    ) -> KernelTime:
        """Full causal attention over prompts, by requests and length, for measured heads."""
        fitted = FITTED.prefill_attention(gpu, requests, num_heads, num_kv_heads, head_dim, length, seen)
        full = np.abs(seen / attended(length, UNLIMITED_WINDOW, "prefill") - 1) < FULL
        heads = num_heads, num_kv_heads, head_dim
        ratio, known = _by_key(lambda key: ratios.prefill_grid(self.tables(gpu), *key), heads, (requests, length))
        return _scaled(fitted, np.where(full, ratio, 1.0), known & full)

    def decode_attention(
        self,
        gpu: Accelerator,
        kv_precision: str,
        requests: Values,
        values: Values,
        score_flops: Values,
        seen: Values,
    ) -> KernelTime:
        """Attention over caches, by requests and context, for measured heads.

        The head width is not in the call: the first of 128, 64, 192, 256 and 512 at which heads and key-value
        heads are whole and measured. Latent attention has no such width and takes the curve.
        """
        fitted = FITTED.decode_attention(gpu, kv_precision, requests, values, score_flops, seen)
        tables, ratio, known = self.tables(gpu), np.asarray(1.0), np.asarray(False)

        def find(key: tuple[float, ...]) -> RatioGrid | None:
            return ratios.decode_grid(tables, kv_precision, *key)

        for head_dim in HEAD_DIMS:
            heads = score_flops / (4 * head_dim * seen), values / (2 * head_dim), head_dim
            found, here = _by_key(find, heads, (requests, seen))
            ratio, known = np.where(known, ratio, found), known | here
        return _scaled(fitted, ratio, known)

    def experts(
        self,
        gpu: Accelerator,
        precision: str,
        pairs: Values,
        distinct: Values,
        d_model: Values,
        width: Values,
        *,
        num_experts: Values,
        top_k: Values,
        ep: Values = 1,
        moved_pairs: Values | None = None,
        matrices: int = 3,
    ) -> KernelTime:
        """Routed experts of a measured shape, by tokens of the whole layer."""
        layer: dict[str, Any] = {"num_experts": num_experts, "top_k": top_k, "ep": ep}
        fitted = FITTED.experts(
            gpu, precision, pairs, distinct, d_model, width, moved_pairs=moved_pairs, matrices=matrices, **layer
        )
        shape = d_model, width, num_experts, top_k, ep
        tokens = (pairs * ep if moved_pairs is None else moved_pairs) / top_k
        tables = self.tables(gpu)
        ratio, known = _by_key(lambda key: ratios.experts_grid(tables, precision, *key), shape, (tokens,))
        return _scaled(fitted, ratio, known)

    def all_reduce_s(self, gpu: Accelerator, ranks: Values, payload_bytes: Values) -> Values:
        """The engine's own all-reduce, for measured numbers of GPUs."""
        fitted = FITTED.all_reduce_s(gpu, ranks, payload_bytes)
        ratio, _ = _by_key(lambda key: ratios.all_reduce_grid(self.tables(gpu), *key), (ranks,), (payload_bytes,))
        return fitted * ratio

    def tables(self, gpu: Accelerator) -> Tables:
        """The tables of an accelerator.

        Raises:
            UnknownNameError: It was not measured; lists the nearest.
        """
        return Tables(root=self.root, engine=self.engine, gpu=gpu)


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


def _by_key(find: Any, keys: tuple[Values, ...], sizes: tuple[Values, ...]) -> tuple[Values, Flags]:
    """The ratio of every element by the grid of its keys; 1 and unknown where the keys have none."""
    columns = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (*keys, *sizes)))
    shape = columns[0].shape
    flat = np.stack([column.ravel() for column in columns])
    ratio, known = np.ones(flat.shape[1]), np.zeros(flat.shape[1], dtype=bool)
    kinds, which = np.unique(flat[: len(keys)], axis=1, return_inverse=True)
    for number, kind in enumerate(kinds.T):
        grid = find(tuple(kind.tolist()))
        if grid is not None:
            here = which.ravel() == number
            ratio[here], known[here] = grid.ratio(*flat[len(keys) :, here])
    return ratio.reshape(shape)[()], known.reshape(shape)
