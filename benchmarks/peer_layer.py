"""A PEER layer, forward and backward, against the ``PEER-pytorch`` package at equal weights.

Both take turns in one process; outputs and gradients are compared first. The package is told to keep all of a
head's experts (``non_competing_scores=False``); by default it keeps one. A dense SwiGLU layer of equal active
FLOPs and one of the same time stand beside it: sparse FLOPs are not dense ones. A layer of 1,048,576 experts
trains alone, in a process of its own, with an AdamW step, for its peak memory.

    python benchmarks/peer_layer.py [--rounds 7] [--tokens 2048]

Needs ``PEER-pytorch`` for the comparison; without it only ours runs.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

import torch

from optimoe.models.peer.layer import PEERLayer

HEADS, TOP_K = 8, 16


def make_ours(d_model, num_keys):
    """Our layer."""
    return PEERLayer(d_model, num_keys=num_keys, num_heads=HEADS, top_k=TOP_K, d_key=128, query_norm="none")


def make_package(ours, d_model):
    """The package's layer with our weights, or None where it is not installed."""
    try:
        from PEER_pytorch import PEER as Package
    except ImportError:
        print("PEER-pytorch is not installed: no comparison")
        return None
    layer = Package(
        d_model,
        heads=HEADS,
        num_experts=ours.num_experts,
        num_experts_per_head=TOP_K,
        dim_key=ours.d_key // 2,
        non_competing_scores=False,
    )
    with torch.no_grad():
        heads_first = ours.query.weight.view(HEADS, 2, ours.d_key // 2, d_model)
        layer.to_queries[0].weight.copy_(heads_first.transpose(0, 1).reshape_as(ours.query.weight))
        layer.keys.copy_(ours.keys.transpose(1, 2))
        layer.weight_down_embed.weight.copy_(ours.down)
        layer.weight_up_embed.weight.copy_(ours.up)
    return layer


def run_ours(layer, x_TD):
    """Our output."""
    return layer(x_TD)[0]


def run_package(layer, x_TD):
    """The package's output."""
    return layer(x_TD.unsqueeze(0)).squeeze(0)


def step_seconds(run, layer, x_TD, grad_TD):
    """One forward and backward pass; gradients are dropped, as an optimiser does."""
    start = time.perf_counter()
    run(layer, x_TD).backward(grad_TD)
    seconds = time.perf_counter() - start
    layer.zero_grad(set_to_none=True)
    return seconds


def largest_difference(ours, package, x_TD, grad_TD):
    """Largest difference of outputs and of table gradients, relative to the largest value."""
    results = []
    for run, layer, tables in (
        (run_ours, ours, (ours.down, ours.up)),
        (run_package, package, (package.weight_down_embed.weight, package.weight_up_embed.weight)),
    ):
        x = x_TD.clone().requires_grad_()
        y_TD = run(layer, x)
        results.append([y_TD.detach(), *torch.autograd.grad(y_TD, [x, *tables], grad_TD)])
    return [float((a - b).abs().max() / b.abs().max()) for a, b in zip(*results, strict=True)]


def dense_layer(d_model, d_ff):
    """A plain feed-forward."""
    layer = torch.nn.Module()
    layer.up, layer.down = torch.nn.Linear(d_model, d_ff), torch.nn.Linear(d_ff, d_model)
    return layer


def run_dense(layer, x_TD):
    """Its output."""
    return layer.down(torch.nn.functional.gelu(layer.up(x_TD)))


def compare(tokens, d_model, num_keys, rounds):
    """Take turns and print."""
    torch.manual_seed(0)
    ours = make_ours(d_model, num_keys)
    x_TD, grad_TD = torch.randn(tokens, d_model, requires_grad=True), torch.randn(tokens, d_model)
    layers = {"optimoe": (run_ours, ours)}
    package = make_package(ours, d_model)
    if package is not None:
        names = ("output", "x", "down", "up")
        differences = zip(names, largest_difference(ours, package, x_TD, grad_TD), strict=True)
        print("  relative differences: " + ", ".join(f"{name} {d:.0e}" for name, d in differences))
        layers["PEER-pytorch"] = (run_package, package)
    layers["dense, equal active width"] = (run_dense, dense_layer(d_model, HEADS * TOP_K))
    layers["dense, 4·d_model wide"] = (run_dense, dense_layer(d_model, 4 * d_model))
    seconds = {name: [] for name in layers}
    for run, layer in layers.values():
        step_seconds(run, layer, x_TD, grad_TD)
    for _ in range(rounds):
        for name, (run, layer) in layers.items():
            seconds[name].append(step_seconds(run, layer, x_TD, grad_TD))
    for name, times in seconds.items():
        ratios = [b / a for a, b in zip(seconds["optimoe"], times, strict=True)]
        print(
            f"  {name:<27} {tokens / median(times):>9,.0f} tok/s   ours is {median(ratios):.2f}× "
            f"(by the fastest rounds {min(times) / min(seconds['optimoe']):.2f}×)"
        )


def million(tokens, steps=4):
    """Train 1,048,576 experts at d_model 256; prints time, FLOPs and the process's peak memory."""
    torch.manual_seed(0)
    d_model = 256
    layer = make_ours(d_model, 1024)
    optimizer = torch.optim.AdamW(layer.parameters(), fused=True)
    passes, updates = [], []
    for _ in range(steps):
        x_TD = torch.randn(tokens, d_model)
        start = time.perf_counter()
        layer(x_TD)[0].square().mean().backward()
        middle = time.perf_counter()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        passes.append(middle - start)
        updates.append(time.perf_counter() - middle)
    retrieval = 2 * HEADS * 128 * (d_model + 1024)
    flops = 3 * tokens * (retrieval + 4 * d_model * HEADS * TOP_K)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"  {tokens} tokens: forward + backward {median(passes):.2f} s ({tokens / median(passes):,.0f} tok/s, "
        f"{flops / 1e9:.1f} GFLOP, {flops / median(passes) / 1e9:.1f} GFLOP/s), AdamW {median(updates):.2f} s, "
        f"peak memory {peak_gib:.1f} GiB"
    )


def main(words: Sequence[str]):
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--million", action="store_true", help="only the layer of 1,048,576 experts")
    args = parser.parse_args(words)
    if args.million:
        million(args.tokens)
        return
    print(f"float32, {torch.get_num_threads()} threads, torch {torch.__version__}, {HEADS} heads × {TOP_K}")
    for d_model, num_keys in ((512, 256), (128, 64)):
        print(f"{num_keys**2:,} experts, d_model {d_model}, {args.tokens} tokens")
        compare(args.tokens, d_model, num_keys, args.rounds)
    print("1,048,576 experts, d_model 256", flush=True)
    subprocess.run([sys.executable, __file__, "--million", "--tokens", str(args.tokens)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
