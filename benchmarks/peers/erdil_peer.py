"""The model of Epoch's "Inference economics of language models" as its repository computes it: a decode step.

Runs on optimoe's own port of the formulas, one-dimensional tensor parallelism, no pipeline. The repository
counts two bytes a value; for weights in fp8 every value is one byte here and the peak is twice as high. It has no
prefill, so no TTFT, and the TPOT is that of a batch that nothing interrupts.
"""

from dataclasses import replace

from adapter import Answer, Refused, Row, serve

from optimoe.cost.published.erdil import code as erdil_code
from optimoe.cost.published.erdil import shapes as erdil_shapes
from optimoe.cost.published.erdil.code import ErdilLayout, ErdilPoint, step_s
from optimoe.cost.published.erdil.shapes import Shape, find_gpu

GPUS = {"h100_sxm": "H100", "h200_sxm": "H200"}


def predict(row: Row) -> Answer:
    """Milliseconds of one decode step at the mean context."""
    if row["dp"] > 1:
        raise Refused("attention data parallelism")
    if not row["shape"]:
        raise Refused("latent attention")
    value_bytes = 1 if row["weights"] == "fp8" else 2
    erdil_code.BYTES = erdil_shapes.BYTES = value_bytes
    gpu = find_gpu(GPUS[row["system"]])
    gpu = replace(gpu, flops_per_s=gpu.flops_per_s * 2 / value_bytes)
    context = row["input_tokens"] + row["output_tokens"] / 2
    point = ErdilPoint(shape=_shape(row["shape"]), gpu=gpu, gpus=row["tp"], batch=row["batch"], context=context)
    seconds = float(step_s(point, ErdilLayout(dimensions=1, stages=1)))
    if seconds == float("inf"):
        raise Refused("does not fit the memory")
    return 1e3 * seconds, None


def _shape(shape: dict[str, int]) -> Shape:
    return Shape(
        d_model=shape["d_model"],
        d_ff=shape["d_ff"],
        gated=True,
        layers=shape["layers"],
        heads=shape["heads"],
        d_head=shape["head_dim"],
        group_size=shape["heads"] // shape["kv_heads"],
        vocab=shape["vocab"],
        experts=shape["experts"],
        active=shape["top_k"],
    )


if __name__ == "__main__":
    serve(predict)
