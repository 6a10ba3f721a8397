"""GenZ: a roofline, every efficiency 1 (as it ships); its decode step and the prefill of one prompt, no scheduler.

It is handed the sizes of the model, since it knows few of these by name. Experts that are split by number are put
to it as split by width: its expert parallelism multiplies the GPUs.
"""

from adapter import Answer, Refused, Row, serve
from GenZ.LLM_inference import decode_moddeling, prefill_moddeling
from GenZ.Models.default_models import ModelConfig

SYSTEMS = {
    "h100_sxm": "H100_GPU",
    "h200_sxm": {"Flops": 989, "Memory_size": 141, "Memory_BW": 4800, "ICN": 450, "real_values": True},
}


def predict(row: Row) -> Answer:
    """Milliseconds of one decode step at the mean context, and of one prompt."""
    if row["dp"] > 1:
        raise Refused("attention data parallelism")
    if not row["shape"]:
        raise Refused("latent attention")
    setting = {
        "model": _model(row["shape"]),
        "system_name": SYSTEMS[row["system"]],
        "bits": row["weights"],
        "tensor_parallel": row["tp"],
        "parallelism_heirarchy": f"TP{{{row['tp']}}}_EP{{1}}_PP{{1}}",
    }
    decode = decode_moddeling(
        batch_size=round(row["batch"]),
        Bb=1,
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"] // 2,
        **setting,
    )
    prefill = prefill_moddeling(batch_size=1, input_tokens=row["input_tokens"], **setting)
    return decode["Latency"], prefill["Latency"]


def _model(shape: dict[str, int]) -> ModelConfig:
    return ModelConfig(
        model="measured",
        vocab_size=shape["vocab"],
        hidden_size=shape["d_model"],
        intermediate_size=shape["d_ff"],
        num_ffi=2,
        num_decoder_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kv_heads"],
        head_dim=shape["head_dim"],
        num_experts=shape["experts"],
        expert_top_k=shape["top_k"],
    )


if __name__ == "__main__":
    serve(predict)
