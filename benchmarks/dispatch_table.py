"""Which kernel runs routed experts fastest, at many shapes: the table that the layer chooses by.

At each shape, number of threads and imbalance (the busiest expert's slots ÷ the mean) all kernels take turns.
Seconds are the smallest over the rounds of the process's CPU time ÷ threads, so that what else runs on the
machine adds little: threads that wait for each other spin, and are counted. On a GPU they are of the wall, and
only kernels that do not wait for the host are allowed. Every line of the output is one measurement; ``--rows``
makes rows of the table from them:

* ``kernel``: the fastest but for the padded one, by the geometric mean over imbalances, with ties (3 %) to the
  loop, which is the leanest;
* ``padded_up_to``: the imbalance at which the padded one, whose time grows with it, falls behind that kernel.

    python benchmarks/dispatch_table.py [--device cpu] [--threads 1] [--only train] > lines.txt
    python benchmarks/dispatch_table.py --rows lines.txt [lines.txt ...]
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from statistics import fmean

import torch

from optimoe.models.experts.kernels import KERNELS
from optimoe.models.experts.layer import Experts

TOKENS = (1, 16, 256, 2048)
TOP_K = 2
EXPERTS = (4, 16, 64)
WIDTHS = ((64, 64), (64, 256), (256, 256), (512, 352), (512, 1408), (1024, 1024))
IMBALANCES = (1, 2, 4)
THREADS = (1, 2)
LARGEST_GATHER_BYTES = 2**29
TIE = 1.03
HOPELESS = 6
"""Times the fastest kernel's seconds in the first round: a slower one is timed no more."""
KERNELS_ON = {"cpu": tuple(KERNELS), "cuda": ("grouped", "gather")}


def skewed_routing(num_tokens, num_experts, imbalance, generator):
    """Experts (T, K) whose loads fall geometrically, the busiest at ``imbalance`` times the mean."""
    low, high = 0.0, 1.0
    for _ in range(50):
        ratio = (low + high) / 2
        load_E = ratio ** torch.arange(num_experts, dtype=torch.float64)
        low, high = (low, ratio) if load_E[0] * num_experts / load_E.sum() < imbalance else (ratio, high)
    ends_E = (load_E.cumsum(0) / load_E.sum() * num_tokens * TOP_K).round().long()
    expert_N = torch.searchsorted(ends_E, torch.arange(num_tokens * TOP_K), right=True)
    return expert_N[torch.randperm(len(expert_N), generator=generator)].view(num_tokens, TOP_K)


def step_seconds(experts, kernel, inputs, train):
    """One pass, or one step."""
    experts.kernel = kernel
    clock = time.perf_counter if inputs[0].is_cuda else time.process_time
    synchronize = torch.cuda.synchronize if inputs[0].is_cuda else lambda: None
    synchronize()
    start = clock()
    with torch.set_grad_enabled(train):
        y_TD = experts(*inputs)
        if train:
            y_TD.sum().backward()
    synchronize()
    seconds = clock() - start
    experts.zero_grad(set_to_none=True)
    return seconds


def measure(device, num_tokens, num_experts, d_model, d_expert, train, imbalance, budget_s):
    """Smallest seconds of each kernel."""
    torch.manual_seed(0)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    experts = Experts(num_experts, d_model, d_expert, True, "silu").to(device, dtype)
    x_TD = torch.randn(num_tokens, d_model, device=device, dtype=dtype, requires_grad=train)
    expert_TK = skewed_routing(num_tokens, num_experts, imbalance, torch.Generator().manual_seed(0)).to(device)
    inputs = x_TD, expert_TK, torch.rand(num_tokens, TOP_K, device=device)
    gather_bytes = num_tokens * TOP_K * experts.w_in[0].numel() * experts.w_in.element_size()
    kernels = [
        kernel for kernel in KERNELS_ON[device] if kernel != "gather" or gather_bytes < LARGEST_GATHER_BYTES
    ]
    seconds = {kernel: [] for kernel in kernels}
    for kernel in kernels:
        step_seconds(experts, kernel, inputs, train)
    for kernel in kernels:
        seconds[kernel].append(step_seconds(experts, kernel, inputs, train))
    best = min(each[0] for each in seconds.values())
    timed = [kernel for kernel in kernels if seconds[kernel][0] < HOPELESS * best]
    for _ in range(max(3, min(int(budget_s / best / len(timed)), 100))):
        for kernel in timed:
            seconds[kernel].append(step_seconds(experts, kernel, inputs, train))
    return {kernel: min(times) / torch.get_num_threads() for kernel, times in seconds.items()}


def choose(seconds):
    """The fastest kernel of these, with ties to the first."""
    best = min(seconds.values())
    first = next(iter(seconds))
    return first if seconds[first] <= TIE * best else min(seconds, key=seconds.get)


def crossing(padded, other):
    """The imbalance at which padding takes as long as the other, between those measured; at least 1."""
    imbalances = sorted(padded)
    behind = [math.log(padded[each] / other[each]) for each in imbalances]
    if behind[0] >= 0:
        return 1.0
    for (low, a), (high, b) in pairwise(zip(imbalances, behind, strict=True)):
        if b >= 0:
            return low * (high / low) ** (-a / (b - a))
    return float(imbalances[-1])


def row_of(seconds):
    """The kernel of a row and ``padded_up_to``, from the seconds of each kernel at each imbalance."""
    others = set.intersection(*(set(each) for each in seconds.values())) - {"padded"}
    means = {
        kernel: math.exp(fmean(math.log(each[kernel]) for each in seconds.values()))
        for kernel in KERNELS
        if kernel in others
    }
    kernel = choose(means)
    padded = {imbalance: each["padded"] for imbalance, each in seconds.items() if "padded" in each}
    other = {imbalance: seconds[imbalance][kernel] for imbalance in padded}
    return kernel, crossing(padded, other) if padded else 1.0


def print_rows(paths):
    """Rows of the table from printed lines."""
    shapes = {}
    for line in (line for path in paths for line in Path(path).read_text().splitlines()):
        words = line.split()
        if words[0] != "device":
            continue
        named = dict(zip(words[:16:2], words[1:16:2], strict=True))
        imbalance = int(named.pop("imbalance"))
        numbers = line.partition("(")[2].removesuffix(" ms)").split(", ")
        seconds = {name: float(ms) for name, ms in (number.split() for number in numbers)}
        shapes.setdefault(tuple(named.items()), {})[imbalance] = seconds
    for shape, seconds in shapes.items():
        kernel, up_to = row_of(seconds)
        keys = {"device": str, "train": str.lower}
        words = {key: keys.get(key, int)(value) for key, value in shape}
        words["device"] = f'"{words["device"]}"'
        text = ", ".join(f"{key} = {value}" for key, value in words.items())
        print(f'    {{ {text}, kernel = "{kernel}", padded_up_to = {up_to:.3g} }},')


def main(words: Sequence[str]):
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=KERNELS_ON)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each shape")
    parser.add_argument("--tokens", type=int, nargs="*", default=TOKENS)
    parser.add_argument("--experts", type=int, nargs="*", default=EXPERTS)
    parser.add_argument("--widths", nargs="*", default=[f"{d},{f}" for d, f in WIDTHS])
    parser.add_argument("--threads", type=int, nargs="*", default=THREADS)
    parser.add_argument("--only", choices=("train", "evaluate"))
    parser.add_argument("--rows", nargs="*", help="files of printed lines")
    args = parser.parse_args(words)
    if args.rows:
        print_rows(args.rows)
        return
    widths = [tuple(map(int, width.split(","))) for width in args.widths]
    passes = {"train": (True,), "evaluate": (False,), None: (True, False)}[args.only]
    for train, (d_model, d_expert), num_experts, tokens, imbalance, threads in product(
        passes, widths, args.experts, args.tokens, IMBALANCES, args.threads
    ):
        if imbalance > num_experts / TOP_K:
            continue  # a token's experts differ: the busiest has T slots at most
        torch.set_num_threads(threads)
        seconds = measure(args.device, tokens, num_experts, d_model, d_expert, train, imbalance, args.seconds)
        numbers = ", ".join(f"{name} {1e3 * each:.3f}" for name, each in seconds.items())
        shape = {
            "device": args.device,
            "train": train,
            "threads": threads,
            "num_slots": tokens * TOP_K,
            "num_experts": num_experts,
            "d_model": d_model,
            "d_expert": d_expert,
            "imbalance": imbalance,
            "fastest": choose(seconds),
        }
        print(*(f"{name} {value}" for name, value in shape.items()), f"({numbers} ms)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
