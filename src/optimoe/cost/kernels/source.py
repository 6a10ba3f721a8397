"""The seam between a step and its kernels: whatever gives seconds for the five operators can serve."""

from typing import Protocol, runtime_checkable

from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.curve import KernelTime


@runtime_checkable
class KernelSource(Protocol):
    """Seconds of each operator from its shape on one GPU. Arguments are those of ``optimoe.cost.operators``."""

    @property
    def name(self) -> str:
        """How a user chooses it."""

    def gemm(self, gpu: Accelerator, precision: str, rows: Values, width: Values, depth: Values) -> KernelTime:
        """One product; see ``gemm_s``."""

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
        """Attention over prompts; see ``prefill_attention_s``."""

    def decode_attention(
        self,
        gpu: Accelerator,
        kv_precision: str,
        requests: Values,
        values: Values,
        score_flops: Values,
        seen: Values,
    ) -> KernelTime:
        """One query a request over its cache; see ``decode_attention_s``."""

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
        """Routed experts; see ``experts_s``. ``num_experts`` and ``top_k`` are those of the whole layer."""

    def all_reduce_s(self, gpu: Accelerator, ranks: Values, payload_bytes: Values) -> Values:
        """An all-reduce; see ``optimoe.cost.kernels.collectives.all_reduce_s``."""
