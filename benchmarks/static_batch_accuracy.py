"""How far steps are from engines and GPUs that nothing was fitted to: static batches of 2024 on A100 and H100.

    OPTIMOE_DATA=… python benchmarks/static_batch_accuracy.py

Rows: llm_inference_bench_nvidia, 16-bit weights, models of the catalog, all engines but llama.cpp. Predicted
latency of a batch b with prompts and answers of L tokens: b prefills, and L decode steps at context 1.5·L.
"""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.step import decode_step, prefill_step

MODELS = {
    "meta-llama/Llama-2-7b-hf": "llama-2-7b",
    "meta-llama/Llama-2-70b-hf": "llama-2-70b",
    "meta-llama/Meta-Llama-3-8B": "llama-3-8b",
    "meta-llama/Meta-Llama-3-70B": "llama-3-70b",
    "mistralai/Mistral-7B-v0.1": "mistral-7b",
    "mistralai/Mixtral-8x7B-v0.1": "mixtral-8x7b",
    "Qwen/Qwen2-7B": "qwen2-7b",
    "Qwen/Qwen2-72B": "qwen2-72b",
}
GPUS = {"Nvidia A100 GPU": "a100-sxm-40gb", "Nvidia H100 GPU": "h100-sxm"}


def predicted_s(row: dict[str, str]) -> float:
    """Seconds from the start to the last token of the batch."""
    arch, length, batch = (
        find_model(MODELS[row["model"]]),
        int(row["input_and_output_len"]),
        float(row["batch_size"]),
    )
    engine = Engine()
    machine = Machine(gpu=find_accelerator(GPUS[row["hardware"]]), layout=Layout(tp=int(row["n_devices"])))
    decode = decode_step(machine, engine, arch, batch, 1.5 * length).total_s
    return float(batch * prefill_step(machine, engine, arch, length).total_s + length * decode)


def main() -> None:
    """Print one line per GPU and engine, dense and routed models apart."""
    path = Path(os.environ["OPTIMOE_DATA"]) / "llm_inference_bench_nvidia" / "static_batch.csv"
    errors: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["model"] in MODELS and row["framework"] != "llama.cpp":
                kind = "routed" if "Mixtral" in row["model"] else "dense"
                key = GPUS[row["hardware"]], row["framework"], kind
                errors[key].append(float(np.log(predicted_s(row) / float(row["latency_s"]))))
    print(f"{'gpu':<15}{'engine':<15}{'models':<8}{'rows':>6}{'median |ln|':>13}{'bias':>7}")
    for (gpu, engine, kind), values in sorted(errors.items()):
        error = np.array(values)
        line = f"{np.median(abs(error)):>13.3f}{np.median(error):>7.2f}"
        print(f"{gpu:<15}{engine:<15}{kind:<8}{len(error):>6}{line}")


if __name__ == "__main__":
    main()
