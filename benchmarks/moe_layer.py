"""One MoE layer, forward and backward, against other implementations and against a dense layer, the limit.

All take turns in one process: router (softmax, top-k, renormalised) and SwiGLU experts of the same weights.
Outputs are compared first. Contestants:

* optimoe: our experts, by the measured table;
* sort loop: slots sorted by expert, a pair of products per expert, plain autograd;
* transformers: Mixtral's experts under each of its implementations;
* mixture-of-experts and st-moe-pytorch: those packages' layers with hidden widths of the same FLOPs; both route by
  themselves, drop what exceeds 1.25 of an even share, and the first takes k = 2 only;
* dense: a SwiGLU layer as wide as a token's experts together. Its speed is the limit that counts FLOPs alone.

Page faults are printed beside the speed: every new large tensor costs some, and what they cost varies with the
state of the machine, by which the ratio to the dense layer varies in turn. It takes some twenty rounds for a
median that repeats to ±4 %; a contestant five times slower than the dense layer leaves after three.

    python benchmarks/moe_layer.py [--rounds 21] [--tokens 8192] [--shapes 8,2,1408 64,8,352 ...] [--device cuda]
        [--without "transformers eager" ...]

A package that is not installed is skipped with a line, and so is what does not fit into memory.
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from optimoe.models.experts.layer import Experts

D_MODEL = 512
SHAPES = ((8, 2, 1408), (64, 8, 352), (256, 8, 352), (16, 1, 1408), (32, 4, 352))
LARGEST_GIB = 12
SLOW = 5
"""Times the dense layer's seconds: a slower contestant leaves after the first rounds."""
SLOW_ROUNDS = 3


class Routed(nn.Module):
    """A router before the given experts."""

    def __init__(self, num_experts, top_k, experts):
        super().__init__()
        self.router, self.top_k, self.experts = nn.Linear(D_MODEL, num_experts, bias=False), top_k, experts

    def forward(self, x_TD):
        """The output."""
        weight_TK, expert_TK = self.router(x_TD).float().softmax(-1).topk(self.top_k, dim=-1)
        weight_TK = weight_TK / weight_TK.sum(-1, keepdim=True)
        return self.experts(x_TD, expert_TK, weight_TK.to(x_TD.dtype))


class SortLoop(nn.Module):
    """The plain loop of a careful programmer."""

    def __init__(self, ours):
        super().__init__()
        self.w_in, self.w_out = nn.Parameter(ours.w_in.detach()), nn.Parameter(ours.w_out.detach())

    def forward(self, x_TD, expert_TK, weight_TK):
        """The output."""
        T, K = expert_TK.shape
        expert_N, order_N = expert_TK.reshape(-1).sort(stable=True)
        sizes = torch.bincount(expert_N, minlength=self.w_in.shape[0]).tolist()
        slices = x_TD.index_select(0, order_N // K).split(sizes)
        outs = []
        for x, w_in, w_out in zip(slices, self.w_in.unbind(0), self.w_out.unbind(0), strict=True):
            gate, up = (x @ w_in).chunk(2, dim=-1)
            outs.append((F.silu(gate) * up) @ w_out)
        inverse_N = torch.empty_like(order_N).scatter_(0, order_N, torch.arange(T * K, device=x_TD.device))
        y_TKD = torch.cat(outs).index_select(0, inverse_N).view(T, K, -1)
        return torch.bmm(weight_TK.unsqueeze(1), y_TKD).squeeze(1)


class Dense(nn.Module):
    """SwiGLU."""

    def __init__(self, d_ff):
        super().__init__()
        self.gate, self.up = (nn.Linear(D_MODEL, d_ff, bias=False) for _ in range(2))
        self.down = nn.Linear(d_ff, D_MODEL, bias=False)

    def forward(self, x_TD):
        """The output."""
        return self.down(F.silu(self.gate(x_TD)) * self.up(x_TD))


class First(nn.Module):
    """A package's layer over one sequence, its output only."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x_TD):
        """The output."""
        return self.layer(x_TD.unsqueeze(0))[0].squeeze(0)


def transformers_experts(ours, implementation):
    """Mixtral's experts with our weights."""
    from transformers import MixtralConfig
    from transformers.models.mixtral.modeling_mixtral import MixtralExperts

    config = MixtralConfig(
        hidden_size=D_MODEL, intermediate_size=ours.d_expert, num_local_experts=ours.num_experts
    )
    config._experts_implementation = implementation
    experts = MixtralExperts(config)
    with torch.no_grad():
        experts.gate_up_proj = nn.Parameter(ours.w_in.mT.contiguous())
        experts.down_proj = nn.Parameter(ours.w_out.mT.contiguous())
    return experts


def package_layers(num_experts, top_k, d_expert):
    """Layers of the two packages, of equal FLOPs; a line for each that is missing."""
    layers = {}
    if num_experts > 16:
        print(
            "  mixture-of-experts, st-moe-pytorch: their one-hot tensors are gigabytes at so many experts; skipped"
        )
        return layers
    if top_k == 2:
        try:
            from mixture_of_experts import MoE

            layer = MoE(dim=D_MODEL, num_experts=num_experts, hidden_dim=3 * d_expert // 2, activation=nn.GELU)
            layers["mixture-of-experts"] = First(layer)
        except ImportError as error:
            print(f"  mixture-of-experts: {error}; skipped")
    if top_k >= 2:
        try:
            from st_moe_pytorch import MoE as StMoE

            mult = (d_expert + 0.5) * 3 / 2 / D_MODEL
            layer = StMoE(dim=D_MODEL, num_experts=num_experts, gating_top_n=top_k, expert_hidden_mult=mult)
            layers["st-moe-pytorch"] = First(layer)
        except ImportError as error:
            print(f"  st-moe-pytorch: {error}; skipped")
    return layers


def make_layers(num_experts, top_k, d_expert, tokens):
    """All contestants that run here."""
    ours = Experts(num_experts, D_MODEL, d_expert, gated=True, activation="silu")
    layers = {"optimoe": ours, "sort loop": SortLoop(ours)}
    for implementation in ("eager", "batched_mm", "grouped_mm"):
        gib = tokens * top_k * ours.w_in[0].numel() * 4 / 2**30
        if implementation == "batched_mm" and gib > LARGEST_GIB:
            print(f"  transformers batched_mm: gathers {gib:.0f} GiB of weights; skipped")
            continue
        try:
            layers[f"transformers {implementation}"] = transformers_experts(ours, implementation)
        except ImportError as error:
            print(f"  transformers: {error}; skipped")
            break
    layers = {name: Routed(num_experts, top_k, experts) for name, experts in layers.items()}
    for layer in layers.values():
        layer.router.weight = layers["optimoe"].router.weight
    return layers | package_layers(num_experts, top_k, d_expert) | {"dense": Dense(top_k * d_expert)}


def step(layer, x_TD, grad_TD):
    """Seconds and page faults of a forward and backward pass; gradients are dropped, as an optimiser does."""
    synchronize = torch.cuda.synchronize if x_TD.is_cuda else lambda: None
    synchronize()
    start, faults = time.perf_counter(), page_faults()
    layer(x_TD).backward(grad_TD)
    synchronize()
    cost = time.perf_counter() - start, page_faults() - faults
    layer.zero_grad(set_to_none=True)
    x_TD.grad = None
    return cost


def page_faults():
    """Pages of memory that the system has given this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def check_equal(layers, x_TD):
    """Assert that all layers of equal weights agree."""
    with torch.no_grad():
        want_TD = layers["optimoe"](x_TD)
        for name, layer in layers.items():
            if isinstance(layer, Routed):
                difference = float((layer(x_TD) - want_TD).abs().max() / want_TD.abs().max())
                limit = 1e-5 if x_TD.dtype == torch.float32 else 0.05
                assert difference < limit, f"{name}: output differs by {difference:.1e}"


def compare(shape, args):
    """Take turns and print."""
    num_experts, top_k, d_expert = shape
    torch.manual_seed(0)
    print(f"E = {num_experts}, k = {top_k}, width {d_expert}")
    layers = make_layers(*shape, args.tokens)
    dtype = torch.float32 if args.device == "cpu" else torch.bfloat16
    layers = {name: layer.to(args.device, dtype) for name, layer in layers.items() if name not in args.without}
    x_TD = torch.randn(args.tokens, D_MODEL, device=args.device, dtype=dtype, requires_grad=True)
    grad_TD = torch.randn_like(x_TD)
    check_equal(layers, x_TD)
    costs = {name: [] for name in layers}

    def typical(name):
        return median(seconds for seconds, _ in costs[name])

    for layer in layers.values():
        step(layer, x_TD, grad_TD)
    for turn in range(args.rounds):
        for name, layer in layers.items():
            costs[name].append(step(layer, x_TD, grad_TD))
        if turn + 1 == SLOW_ROUNDS:
            layers = {name: layer for name, layer in layers.items() if typical(name) < SLOW * typical("dense")}
    dense, _ = zip(*costs["dense"], strict=True)
    for name, rounds in sorted(costs.items(), key=lambda item: typical(item[0])):
        times, faults = zip(*rounds, strict=True)
        ratio = median(a / b for a, b in zip(dense, times, strict=False))
        print(
            f"  {name:<24} {args.tokens / typical(name):>9,.0f} tok/s   {ratio:.2f} of dense "
            f"(fastest rounds {min(dense) / min(times):.2f})   {median(faults):>9,.0f} page faults",
            flush=True,
        )


def main(words: Sequence[str]):
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--without", nargs="*", default=[], help="names of contestants to leave out")
    parser.add_argument("--shapes", nargs="*", default=[",".join(map(str, shape)) for shape in SHAPES])
    args = parser.parse_args(words)
    dtype = "float32" if args.device == "cpu" else "bfloat16"
    where = f"{torch.get_num_threads()} threads" if args.device == "cpu" else torch.cuda.get_device_name()
    print(
        f"{args.tokens} tokens, d_model {D_MODEL}, {dtype}, {where}, torch {torch.__version__}, forward + backward"
    )
    for shape in args.shapes:
        compare(tuple(map(int, shape.split(","))), args)
    print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


if __name__ == "__main__":
    main(sys.argv[1:])
