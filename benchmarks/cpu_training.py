"""Training steps of small models on this CPU beside ``optimoe cost train``'s prediction of them.

    python benchmarks/cpu_training.py [--threads 1 2] [--widths 64 96 128 192 256] [--rounds 1]

Probes the machine with so many threads (``optimoe hardware probe``), then times steps of models that the probe has
not seen, dense ones and ones of 8 experts of which a token takes 2, of 8 sequences of 256 bytes, as
``optimoe train`` takes them, and prints predicted over measured seconds as the table of ``docs/cost-model.md``.
Beside it what the tables of GPUs say, as before machines had curves of their own. Let nothing else run.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import torch

from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.trainer.device import so_many_threads
from optimoe.trainer.probing.machine import accelerator_of, probe_machine
from optimoe.trainer.probing.steps import SmallStep, predicted_step, step_s

PRECISIONS = ("fp32", "bf16")


def rows(gpu: Accelerator, widths: Sequence[int], rounds: int) -> list[str]:
    """A line of the table for each width and kind of model."""
    without, lines = replace(gpu, curves={}), []
    for d_model in widths:
        for routed in (False, True):
            step = SmallStep(d_model=d_model, routed=routed, num_layers=3 if d_model < 128 else 4)
            cells = []
            for precision in PRECISIONS:
                seconds = min(step_s(step, precision) for _ in range(rounds))
                tokens = step.sequences * step.seq_len
                own, before = (
                    float(predicted_step(one, step, precision).total_s) / seconds for one in (gpu, without)
                )
                cells.append(f"{tokens / seconds:,.0f} | {own:.2f} | {before:.2f}")
            kind = "8 experts" if routed else "dense"
            lines.append(f"| {gpu.threads} | {d_model}, {kind} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


def main(words: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--widths", type=int, nargs="*", default=[64, 96, 128, 192, 256])
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args(words)
    print("| threads | model | fp32 tokens/s | predicted/measured s | of GPUs' tables | bf16 tokens/s | … | … |")
    print("|---|---|---|---|---|---|---|---|")
    for threads in args.threads:
        with so_many_threads(threads):
            rows(accelerator_of(probe_machine(torch.device("cpu"))), args.widths, args.rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
