"""llm-analysis: a roofline with its own default efficiencies; its decode step and the prefill of one prompt.

It knows heads of d_model/heads only, two matrices a feed-forward (a gated one is put to it as 1.5 times as wide)
and experts split by width.
"""

import logging

from adapter import Answer, Refused, Row, serve
from llm_analysis import config
from llm_analysis.analysis import LLMAnalysis

H200 = config.GPUConfig(
    name="h200-sxm-141gb",
    mem_per_GPU_in_GB=141,
    hbm_bandwidth_in_GB_per_sec=4800,
    intra_node_bandwidth_in_GB_per_sec=450,
    intra_node_min_message_latency=8e-6,
    peak_fp16_TFLOPS=989,
    peak_i8_TFLOPS=1979,
    peak_i4_TFLOPS=3958,
)


def predict(row: Row) -> Answer:
    """Milliseconds of one decode step, and of one prompt."""
    shape = row["shape"]
    if row["dp"] > 1:
        raise Refused("attention data parallelism")
    if not shape or shape["head_dim"] * shape["heads"] != shape["d_model"]:
        raise Refused("heads of another width than d_model/heads")
    dtype = config.get_dtype_config_by_name("w8a8e16" if row["weights"] == "fp8" else "w16a16e16")
    gpu = H200 if row["system"] == "h200_sxm" else config.get_gpu_config_by_name("h100-sxm-80gb")
    parallel = config.ParallelismConfig(tp_size=row["tp"], pp_size=1, dp_size=1)
    analysis = LLMAnalysis(_model(shape), gpu, dtype, parallel)
    context = row["input_tokens"] + row["output_tokens"] // 2
    decode = analysis.inference(round(row["batch"]), context, 1)
    prompt = analysis.inference(1, row["input_tokens"], 1)
    return 1e3 * decode["decode_latency"], 1e3 * prompt["prefill_latency"]


def _model(shape: dict[str, int]) -> config.ModelConfig:
    return config.ModelConfig(
        name="measured",
        num_layers=shape["layers"],
        n_head=shape["heads"],
        hidden_dim=shape["d_model"],
        vocab_size=shape["vocab"],
        num_key_value_heads=shape["kv_heads"],
        ffn_embed_dim=round(1.5 * shape["d_ff"]),
        expansion_ratio=1.5 * shape["d_ff"] / shape["d_model"],
        moe_num_experts=shape["experts"],
        moe_top_k=shape["top_k"],
    )


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    serve(predict)
