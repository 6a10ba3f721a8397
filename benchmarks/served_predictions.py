"""What was predicted of served models beside what an engine measured, without any calibration.

::

    python benchmarks/served_predictions.py FOLDER --gpu "NVIDIA H200"   # FOLDER/moe, FOLDER/served_moe.json, …

Measured: seconds of a batch by ``vllm bench latency``, with the words that ``cuda.sh`` gives it. Predicted: the
same batch at once, TTFT + (output − 1) · TPOT.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from optimoe.cost.hardware.accelerator import find_accelerator

INPUT_TOKENS, OUTPUT_TOKENS, BATCH = 512, 64, 32
"""As cuda.sh asks the engine."""


def predicted_s(folder: Path, gpu: str) -> tuple[float, float, float]:
    """Seconds of the batch of a model on one GPU, and their band."""
    command = (
        f"cost {folder} --gpus 1x{gpu} --tp 1 --engine vllm --precision bf16 --arrivals static "
        f"--concurrency {BATCH} --input-tokens {INPUT_TOKENS} --output-tokens {OUTPUT_TOKENS} --json"
    )
    done = subprocess.run([sys.executable, "-m", "optimoe", *command.split()], capture_output=True, check=True)
    said = json.loads(done.stdout)
    whole = [said[f"ttft{end}_s"] + (OUTPUT_TOKENS - 1) * said[f"tpot{end}_s"] for end in ("", "_low", "_high")]
    return whole[0], whole[1], whole[2]


def main(words: Sequence[str]) -> None:
    """Print, for each model that was served, seconds measured and predicted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gpu", required=True, help="as the driver names it")
    asked = parser.parse_args(words)
    gpu = find_accelerator(asked.gpu).name
    print(f"model  {gpu}: predicted (band)  measured  predicted ÷ measured", flush=True)
    for name in ("moe", "dense"):
        seconds, low, high = predicted_s(asked.folder / name, gpu)
        file = asked.folder / f"served_{name}.json"
        shown = f"{name}  {seconds:.3f} s ({low:.3f} – {high:.3f})"
        if file.is_file():
            measured = float(json.loads(file.read_text(encoding="utf-8"))["avg_latency"])
            print(f"{shown}  {measured:.3f} s  {seconds / measured:.2f}")
        else:
            print(f"{shown}  not measured")


if __name__ == "__main__":
    main(sys.argv[1:])
