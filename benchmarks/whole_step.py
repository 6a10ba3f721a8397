"""A whole training step beside ``transformers``' Mixtral: forward, losses, backward, clipping, fused AdamW.

All have the same weights at first, the same data and losses (cross-entropy, load balance 0.01), and take turns
in one process; losses of the first step are compared. Speed is the ratio of the process's CPU seconds, the median
over rounds of neighbours, so that what else runs on the machine adds little (threads that wait spin, and are
counted); on a GPU, of seconds of the wall. The models train meanwhile on bytes of our own sources, so that routing
is as skewed as training makes it; the imbalance is printed, and beside it the limit of whoever multiplies by
``torch.mm``: the time of a step's bare matrix products (even loads, nothing between them), as a share of our step.

    python benchmarks/whole_step.py [--rounds 15] [--threads 1 2] [--shapes 64,3 256,4 512,4] [--device cuda]
"""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

import torch

from optimoe.models.config import LossConfig
from optimoe.models.convert.hf import load_hf
from optimoe.models.losses.training import training_loss
from optimoe.models.routing import report

VOCAB, SEQUENCES, POSITIONS = 256, 16, 128
SHAPES = ("64,3", "256,4", "512,4")
"""Width and layers; an expert is twice as wide as the model, so that a token's two are a dense layer's four."""
NUM_EXPERTS, TOP_K, BALANCE = 8, 2, 0.01
LOSSES = LossConfig(balance=BALANCE)
THEIRS = ("grouped_mm", "eager")
"""Implementations of the experts in transformers that are of use in training."""


def contestants(d_model, num_layers, device):
    """Mixtral of transformers under each implementation, and ours, all of the same weights."""
    from transformers import MixtralConfig, MixtralForCausalLM

    torch.manual_seed(0)
    config = MixtralConfig(
        vocab_size=VOCAB,
        hidden_size=d_model,
        intermediate_size=2 * d_model,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=d_model // 4,
        num_local_experts=NUM_EXPERTS,
        num_experts_per_tok=TOP_K,
        router_aux_loss_coef=BALANCE,
        max_position_embeddings=POSITIONS,
        use_cache=False,
    )
    with TemporaryDirectory() as folder:
        MixtralForCausalLM(config).save_pretrained(folder)
        models = {"optimoe": load_hf(Path(folder)).train()}
        for implementation in THEIRS:
            theirs = MixtralForCausalLM.from_pretrained(folder, experts_implementation=implementation)
            models[implementation] = theirs.train()
    return {name: model.to(device) for name, model in models.items()}


def batches(device):
    """Bytes of our own sources, one batch after the other."""
    text = b"".join(path.read_bytes() for path in sorted((Path(__file__).parents[1] / "src").rglob("*.py")))
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    size = SEQUENCES * (POSITIONS + 1)
    while True:
        for start in range(0, len(data) - size, size):
            yield data[start : start + size].view(SEQUENCES, POSITIONS + 1).to(device)


def losses(name, model, ids):
    """The language loss and the total of one forward pass, and the routings where they are ours."""
    if name == "optimoe":
        output = model(ids[:, :-1])
        loss = training_loss(output, ids[:, 1:], LOSSES)
        return loss.language, loss.total, output.routings.values()
    output = model(ids[:, :-1], output_router_logits=True)
    logits = output.logits.flatten(0, 1).float()
    language = torch.nn.functional.cross_entropy(logits, ids[:, 1:].reshape(-1))
    return language, language + BALANCE * output.aux_loss, ()


def step(name, model, optimizer, ids):
    """The language loss of one step, and the routings where they are ours."""
    language, total, routings = losses(name, model, ids)
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return language, routings


def bare_products(d_model, num_layers, device):
    """A function that does the matrix products of a step and nothing else, each three times as training does."""
    tokens = SEQUENCES * POSITIONS
    rows = tokens * TOP_K // NUM_EXPERTS
    shapes = [(tokens, d_model, VOCAB)] + num_layers * (
        4 * [(tokens, d_model, d_model)]
        + NUM_EXPERTS * [(rows, d_model, 4 * d_model), (rows, 2 * d_model, d_model)]
    )
    pairs = {(n, a, b): [torch.randn(shape, device=device) for shape in ((n, a), (a, b))] for n, a, b in shapes}
    results = {shape: torch.empty(shape[0], shape[2], device=device) for shape in pairs}

    def run():
        for shape in 3 * shapes:
            torch.mm(*pairs[shape], out=results[shape])

    return run


def timed(work, device):
    """Seconds of a call: of the process, or of the wall on a GPU, and what it returns."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    synchronize()
    start = clock()
    result = work()
    synchronize()
    return clock() - start, result


def compare(shape, threads, args):
    """Take turns and print a line: ours in milliseconds, and how many times as fast as each of theirs."""
    d_model, num_layers = map(int, shape.split(","))
    torch.set_num_threads(threads)
    models = contestants(d_model, num_layers, args.device)
    optimizers = {
        name: torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True) for name, model in models.items()
    }
    data = batches(args.device)
    bare = bare_products(d_model, num_layers, args.device)
    first, skews = {}, []
    seconds = {name: [] for name in (*models, "bare")}
    for _ in range(args.rounds + 2):  # two to warm up
        ids = next(data)
        for name, model in models.items():
            cost, (language, routings) = timed(partial(step, name, model, optimizers[name], ids), args.device)
            first.setdefault(name, language.item())
            skews += [float(report(routing).load_imbalance) for routing in routings]
            seconds[name].append(cost)
        seconds["bare"].append(timed(bare, args.device)[0])
    assert max(first.values()) - min(first.values()) < 1e-3, f"other models: {first}"
    ours, *others = (seconds[name][2:] for name in ("optimoe", *THEIRS, "bare"))
    ratios = [median(b / a for a, b in zip(ours, other, strict=True)) for other in others]
    times = ", ".join(f"{ratio:.2f} × {name}" for ratio, name in zip(ratios, THEIRS, strict=False))
    print(
        f"d_model {d_model:>4}, {num_layers} layers, {threads} threads: {1e3 * median(ours) / threads:6.1f} ms "
        f"a step, {times} of transformers; "
        f"bare products by torch.mm {ratios[-1]:.2f} of it; imbalance {fmean(skews):.2f}",
        flush=True,
    )


def main(words: Sequence[str]):
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--shapes", nargs="*", default=SHAPES)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(words)
    print(f"{NUM_EXPERTS} experts, top {TOP_K}, {SEQUENCES} × {POSITIONS} tokens, torch {torch.__version__}")
    for shape in args.shapes:
        for threads in args.threads if args.device == "cpu" else [1]:
            compare(shape, threads, args)


if __name__ == "__main__":
    main(sys.argv[1:])
