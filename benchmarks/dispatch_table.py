"""Which kernel runs routed experts fastest, at many shapes: the table that the layer chooses by.

At each shape all kernels take turns; the fastest median wins, with ties (3 %) to the loop, which is the leanest.
On a GPU only kernels that do not wait for the host are allowed.

    python benchmarks/dispatch_table.py [--device cpu] [--rounds 5] [--write]
"""

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import product
from statistics import median

import torch

from optimoe.models.experts.dispatch import KERNELS
from optimoe.models.experts.layer import Experts

TOKENS = (1, 16, 256, 2048, 8192)
TOP_K = 2
EXPERTS = (4, 16, 64)
WIDTHS = ((64, 64), (256, 256), (512, 1408), (512, 352))
LARGEST_GATHER_BYTES = 2**30
TIE = 1.03
KERNELS_ON = {"cpu": tuple(KERNELS), "cuda": ("grouped", "gather")}


def step_seconds(experts, kernel, inputs, train):
    """One pass, or one step."""
    experts.kernel = kernel
    synchronize = torch.cuda.synchronize if inputs[0].is_cuda else lambda: None
    synchronize()
    start = time.perf_counter()
    with torch.set_grad_enabled(train):
        y_TD = experts(*inputs)
        if train:
            y_TD.sum().backward()
    synchronize()
    seconds = time.perf_counter() - start
    experts.zero_grad(set_to_none=True)
    return seconds


def measure(device, num_tokens, num_experts, d_model, d_expert, train, rounds):
    """Median seconds of each kernel."""
    torch.manual_seed(0)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    experts = Experts(num_experts, d_model, d_expert, True, "silu").to(device, dtype)
    x_TD = torch.randn(num_tokens, d_model, device=device, dtype=dtype, requires_grad=train)
    weight_TK, expert_TK = torch.rand(num_tokens, num_experts, device=device).topk(TOP_K)
    gather_bytes = num_tokens * TOP_K * experts.w_in[0].numel() * experts.w_in.element_size()
    kernels = [
        kernel for kernel in KERNELS_ON[device] if kernel != "gather" or gather_bytes < LARGEST_GATHER_BYTES
    ]
    seconds = {kernel: [] for kernel in kernels}
    for kernel in kernels:
        step_seconds(experts, kernel, (x_TD, expert_TK, weight_TK), train)
    once = sum(step_seconds(experts, kernel, (x_TD, expert_TK, weight_TK), train) for kernel in kernels)
    for _ in range(max(rounds, min(int(0.2 / once), 200))):
        for kernel in kernels:
            seconds[kernel].append(step_seconds(experts, kernel, (x_TD, expert_TK, weight_TK), train))
    return {kernel: median(times) for kernel, times in seconds.items()}


def choose(seconds):
    """The fastest kernel."""
    best = min(seconds.values())
    first = next(iter(seconds))
    return first if seconds[first] <= TIE * best else min(seconds, key=seconds.get)


def main(words: Sequence[str]):
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=KERNELS_ON)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="print rows of the table")
    args = parser.parse_args(words)
    for train, tokens, num_experts, (d_model, d_expert) in product((True, False), TOKENS, EXPERTS, WIDTHS):
        seconds = measure(args.device, tokens, num_experts, d_model, d_expert, train, args.rounds)
        kernel = choose(seconds)
        if args.write:
            row = {
                "num_slots": tokens * TOP_K,
                "num_experts": num_experts,
                "d_model": d_model,
                "d_expert": d_expert,
            }
            numbers = ", ".join(f"{name} = {number}" for name, number in row.items())
            text = f'{{ device = "{args.device}", train = {str(train).lower()}, {numbers}, kernel = "{kernel}" }},'
        else:
            ratios = ", ".join(f"{name} {1e3 * each:.2f}" for name, each in seconds.items())
            shape = f"train {train!s:<5} T {tokens:>5} E {num_experts:>3} d {d_model} f {d_expert:>4}"
            text = f"{shape}: {kernel:<8} ({ratios} ms)"
        print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
