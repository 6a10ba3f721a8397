"""Engines of 2024: how far the shipped model is from their static batches, and the host times that they had.

    OPTIMOE_DATA=… python benchmarks/static_batch_accuracy.py [--write]

Rows: llm_inference_bench_nvidia, 16-bit weights, models of the catalog, all engines but llama.cpp, on two GPUs,
A100 and H100. Predicted latency of a batch b with prompts and answers of L tokens: b prefills, and L decode steps
at context 1.5·L. Nothing of the shipped model was fitted to them.

Then, for vLLM and TensorRT-LLM, seconds of the host per step and per request are fitted to the dense models (the
kernels stand as they are; expert kernels of that year were others) and tested with each model, and each GPU, left
out.
``--write`` writes them to data/eras.toml where held-out rows came nearer.
"""

import argparse
import csv
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from optimoe.arch.catalog import find_model
from optimoe.core.config import load_toml, save_toml
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.engines.host import HostTimes
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
ENGINES = {"vLLM": "vllm", "TensorRT-LLM": "trtllm"}
ERA = "2024"
OUTLIER = 0.15
SOURCE = (
    "argonne-lcf/LLM-Inference-Bench@4211f5d (arXiv 2411.00136), vLLM and TensorRT-LLM of 2024 on A100 and H100"
)
PATH = Path(__file__).parent.parent / "src/optimoe/cost/data/eras.toml"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A row: seconds of the kernels of one decode step and of one prompt, and of the whole batch as measured."""

    engine: str
    model: str
    gpu: str
    size: float
    length: int
    decode_s: float
    prefill_s: float
    measured_s: float

    def seconds(self, host: HostTimes) -> float:
        """From the start to the last token of the batch."""
        decode_s = self.decode_s + float(host.waited_s(self.decode_s, self.size))
        prefill_s = self.prefill_s + float(host.waited_s(self.prefill_s, 1))
        return self.size * prefill_s + self.length * decode_s


def batches() -> list[Batch]:
    """Every row of the models that can be read."""
    path = Path(os.environ["OPTIMOE_DATA"]) / "llm_inference_bench_nvidia" / "static_batch.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return [_batch(row) for row in csv.DictReader(stream) if row["model"] in MODELS and _timed(row)]


def _timed(row: dict[str, str]) -> bool:
    return row["framework"] != "llama.cpp"


def _batch(row: dict[str, str]) -> Batch:
    arch, length, size = (
        find_model(MODELS[row["model"]]),
        int(row["input_and_output_len"]),
        float(row["batch_size"]),
    )
    engine = replace(Engine(), host=host_times(0.0, 0.0))
    machine = Machine(gpu=find_accelerator(GPUS[row["hardware"]]), layout=Layout(tp=int(row["n_devices"])))
    return Batch(
        engine=row["framework"],
        model=MODELS[row["model"]],
        gpu=machine.gpu.name,
        size=size,
        length=length,
        decode_s=float(decode_step(machine, engine, arch, size, 1.5 * length).total_s),
        prefill_s=float(prefill_step(machine, engine, arch, length).total_s),
        measured_s=float(row["latency_s"]),
    )


def errors(rows: list[Batch], host: HostTimes) -> np.ndarray:
    """ln(predicted/measured)."""
    return np.log([row.seconds(host) / row.measured_s for row in rows])


def host_times(step_s: float, request_s: float) -> HostTimes:
    """Seconds between the GPU's steps, and none beside: all that the host took is in the two."""
    return HostTimes(front_s=0.0, step_s=step_s, request_s=request_s, launch_s=0.0, hidden=0.0)


def fit(rows: list[Batch]) -> HostTimes:
    """Seconds per step and per request, all of them between the GPU's steps."""

    def host(logs: np.ndarray) -> HostTimes:
        step_s, request_s = np.exp(logs)
        return host_times(float(step_s), float(request_s))

    start = np.log([1e-3, 2e-5])
    solved = least_squares(lambda logs: errors(rows, host(logs)), start, loss="soft_l1", f_scale=OUTLIER)
    return host(solved.x)


def left_out(rows: list[Batch], key: str) -> np.ndarray:
    """Errors of each row by times that its model, or GPU, did not enter."""
    names = np.array([getattr(row, key) for row in rows])
    held_out = np.zeros(len(rows))
    for name in sorted(set(names.tolist())):
        out = names == name
        times = fit([row for row, gone in zip(rows, out, strict=True) if not gone])
        held_out[out] = errors([row for row, gone in zip(rows, out, strict=True) if gone], times)
    return held_out


def shipped(engine: str) -> HostTimes:
    """The host times of today's engine; the default one's for those without a preset."""
    return find_engine(ENGINES.get(engine, "vllm")).host


def main(words: Sequence[str]) -> None:
    """Print one line per GPU and engine, dense and routed models apart; then the times of the era."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    rows = batches()
    groups: dict[tuple[str, str, str], list[Batch]] = defaultdict(list)
    for row in rows:
        groups[row.gpu, row.engine, "routed" if row.model == "mixtral-8x7b" else "dense"].append(row)
    print(f"{'gpu':<15}{'engine':<15}{'models':<8}{'rows':>6}{'median |ln|':>13}{'bias':>7}")
    for (gpu, engine, kind), own in sorted(groups.items()):
        error = errors(own, shipped(engine))
        line = f"{np.median(abs(error)):>13.3f}{np.median(error):>7.2f}"
        print(f"{gpu:<15}{engine:<15}{kind:<8}{len(error):>6}{line}")
    times = {name: era(framework, rows) for framework, name in ENGINES.items()}
    kept = {name: {ERA: row} for name, row in times.items() if row["error"] < row["before"]}
    if options.write:
        table = load_toml(PATH)
        comment = [line[2:] for line in PATH.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        save_toml(PATH, {"release": table["release"], "times": kept}, comment="\n".join(comment))


def era(framework: str, rows: list[Batch]) -> dict[str, Any]:
    """Times of an engine of the era with their errors on dense models, left out."""
    dense = [row for row in rows if row.engine == framework and row.model != "mixtral-8x7b"]
    host = fit(dense)
    before = errors(dense, shipped(framework))
    by_model, by_gpu = left_out(dense, "model"), left_out(dense, "gpu")
    medians = {name: float(np.median(abs(logs))) for name, logs in (("model", by_model), ("gpu", by_gpu))}
    print(
        f"{framework} of {ERA}: {1e3 * host.step_s:.2f} ms a step, {1e6 * host.request_s:.0f} µs a request; "
        f"median error {np.median(abs(before)):.3f} as shipped, {medians['model']:.3f} with each model left out, "
        f"{medians['gpu']:.3f} with each GPU"
    )
    figures = {"step_s": host.step_s, "request_s": host.request_s}
    figures |= {"error": max(medians.values()), "before": float(np.median(abs(before)))}
    rounded = {name: float(f"{value:.3g}") for name, value in figures.items()}
    return {**rounded, "rows": len(dense), "source": SOURCE}


if __name__ == "__main__":
    main(sys.argv[1:])
