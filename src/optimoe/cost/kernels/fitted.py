"""Kernel times from the fitted curves: every shape, every GPU."""

from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.collectives import all_reduce_s
from optimoe.cost.kernels.curve import KernelTime
from optimoe.cost.kernels.experts import experts_s
from optimoe.cost.kernels.gemm import gemm_s


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
