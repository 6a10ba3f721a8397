"""The seam between a step and its kernels: whatever gives seconds for the five operators can serve."""

from functools import cache
from typing import Protocol, runtime_checkable

from optimoe.core.arrays import Values
from optimoe.core.errors import UnknownNameError
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.collectives import all_reduce_s
from optimoe.cost.operators.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.operators.curves import KernelTime
from optimoe.cost.operators.experts import experts_s
from optimoe.cost.operators.gemm import gemm_s

KERNEL_SOURCES = ("fitted", "silicon")


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
        """An all-reduce; see ``optimoe.cost.hardware.collectives.all_reduce_s``."""


class Fitted:
    """The curves of ``operators.toml``: every shape, every GPU."""

    name = "fitted"

    gemm = staticmethod(gemm_s)
    prefill_attention = staticmethod(prefill_attention_s)
    decode_attention = staticmethod(decode_attention_s)
    all_reduce_s = staticmethod(all_reduce_s)

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
        """``experts_s``."""
        shape = pairs, distinct, d_model, width
        return experts_s(gpu, precision, *shape, moved_pairs=moved_pairs, matrices=matrices)


FITTED = Fitted()


@cache
def find_kernels(name: str) -> KernelSource:
    """A source by name: ``fitted``, ``silicon``, or ``silicon:ENGINE`` (vllm, sglang, trtllm).

    Raises:
        UnknownNameError: No such source or engine.
        InputError: The extra ``silicon`` is not installed.
    """
    kind, _, engine = name.partition(":")
    if kind == "silicon":
        from optimoe.cost.kernels.silicon import Silicon

        return Silicon(engine=engine) if engine else Silicon()
    if name != FITTED.name:
        raise UnknownNameError("kernels", name, KERNEL_SOURCES)
    return FITTED
