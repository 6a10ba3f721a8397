"""Routed experts as they were measured: single fused calls by kind, GPU and engine, and the batch each was given.

Tables: those of :mod:`kernel_tables`; further versions where they alone measured several shapes. Calls are of one
rank: the busiest of those that share the experts. How many experts a call touched is not in the tables but follows
from how its tokens were drawn, which is drawn again here.
"""

from functools import cache
from typing import Any

import numpy as np

from kernel_data import COMMON, Family, flat_s, shape_names
from kernel_tables import GPUS, ROWS, Source, installed, read, tables, where
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import RoutedExperts
from optimoe.cost.kernels.families.experts import experts_s
from optimoe.cost.kernels.spread import FEW_TOKENS_RANGE, LARGEST_SHARE

TYPES = {
    "bf16": "bfloat16",
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "int4": "int4_wo",
    "mxfp4": "w4a16_mxfp4",
    "mxfp4_fp8": "w4a8_mxfp4_mxfp8",
    "nvfp4": "nvfp4",
}
"""Names that the tables give the kinds: of weights, then of activations where they are quantised otherwise."""

WEIGHTS = {"fp8_block": "fp8", "mxfp4_fp8": "mxfp4"}
ACTIVATIONS = {"mxfp4_fp8": "fp8"}

TRTLLM_GPUS = ("h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "gb200", "gb300")
FURTHER = (
    ("h100-sxm", "sglang", "0.5.10"),
    ("h200-sxm", "sglang", "0.5.10"),
    *((gpu, "trtllm", "1.3.0rc20") for gpu in TRTLLM_GPUS),
)
"""Tables before the newest where that has one shape of int4 (SGLang) or two kinds alone (TensorRT-LLM)."""

UNTUNED = {("int4", "vllm", "0.19.0", ""), ("fp8", "vllm", "0.24.0", "hopper")}
"""2 to 4.5 times the time of the same engine's other version and of another engine's, at all sizes: kernels whose
variant nobody chose. By kind, engine, version and architecture (all where none is named)."""

GROUP_LIMITED = "7168×2048×256×8"
"""DeepSeek-V3's shape: its router takes experts of 4 groups in 8, where a balanced batch names one of each. What
it then touched is not known."""

OTHER_KERNELS = (
    ("", "nongated"),  # experts of two matrices, by another flow
    ("", "situ_as_silu"),  # another activation
    ("", "compressedtensorsw4a4mxfp4moe"),  # mxfp4 of models other than gpt-oss, by the kernel of int4
    ("sglang blackwell", "fused_moe_triton"),  # SGLang takes FlashInfer's on sm100
    ("sglang", "flashinfer_cutlass_moe bfloat16"),  # an option
    ("sglang", "fused_moe_triton w4a16_mxfp4"),  # of weights that were widened to bf16 before
    ("trtllm blackwell", "moe_torch_flow w4a16_mxfp4"),  # on sm100 it quantises what enters
    ("trtllm blackwell", "cutlass nvfp4"),  # deployment guides take the TRTLLM backend, the faster at every size
)
"""Engine and architecture, and part of a kernel's name and type, of rows that are not the engine's own choice."""

UNGATED = ("1024×2688×512×22", "4096×2688×512×22", "2048×5120×512×22", "8192×5120×512×22", "2688×1856×128×6")
"""Shapes of Nemotron 3, whose experts are two matrices, by d_model, width, experts and top-k."""

ALIGNED = 16
"""Widths that are no multiple of it run other, several times slower kernels; few deployments split so far."""

MISNAMED = {("nvfp4", "trtllm", "blackwell")}
"""Balanced batches of this kernel are faster than the data sheet lets the weights that they name be read, at every
shape; skewed ones are not."""

FEW_MODELS = ("int4", "mxfp4", "mxfp4_fp8")
"""Kinds that were measured on one to four models: what a fit leaves out is then a width of an expert's share."""

L2_BYTES = {"hopper": 52e6, "ampere": 42e6, "ada": 101e6, "blackwell": 126e6, "blackwell-rtx": 126e6, "xe2": 18e6}
"""Last-level caches, by the makers' data sheets. Calls were repeated on the same weights: those that fit are read
from there, where no engine finds them, since it runs other layers in between."""

SHORT_READ_S = 3e-6
"""Reads so short hardly count in a call."""

IMPOSSIBLE, FEW = 0.9, 0.05
"""A shape is left out where 5 % of its calls are a tenth faster than the data sheet lets weights be read: they
computed something else."""

FEW_TOKENS = 64
"""Half of the rows that are fitted have at most so many tokens, as decoding has; tables have a third of them."""

DRAWS = 12
"""Batches drawn for each size: their mean is within 2 % of that of many."""


def expert_families() -> list[Family]:
    """Routed experts of every kind."""
    measured = {**tables("moe", "moe_perf"), **_further()}
    return [_family(kind, measured) for kind in TYPES]


def _further() -> dict[Source, ROWS]:
    root = installed()
    if root is None:
        return {}
    return {
        Source(gpu=gpu, engine=engine, version=version): read(
            root / GPUS[gpu] / "moe" / engine / version / "moe_perf.parquet"
        )
        for gpu, engine, version in FURTHER
    }


def _family(kind: str, measured: dict[Source, ROWS]) -> Family:
    weights, activations = WEIGHTS.get(kind, kind), ACTIVATIONS.get(kind, "auto")

    def predict(curve: KernelCurve | None, gpu: Accelerator, r: ROWS) -> np.ndarray:
        shape = RoutedExperts(
            pairs=r["pairs"], distinct=r["distinct"], d_model=r["d"], width=r["f"], num_experts=r["experts"],
            top_k=r["top_k"], ep=r["ep"], moved_pairs=r["moved"], matrices=r["matrices"], activations=activations,
        )  # fmt: skip
        return np.asarray(experts_s(gpu, weights, shape, curve).total_s)

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        read_bytes = bytes_per_value(weights) * r["distinct"] * _values(r)
        return flat_s(gpu, weights, 2 * r["pairs"] * _values(r), read_bytes)

    free = COMMON | {
        "launch_s": (2e-5, 1e-6, 3e-4), "latency_s": (1e-6, 1e-9, 1e-4), "chain_s": (1e-6, 1e-9, 1e-4),
        "half_fill": (64.0, 0.1, 2e3), "least_tile": (8.0, 8.0, 64.0), "largest_tile": (64.0, 8.0, 256.0),
        "side_share": (3.0, 0.1, 20.0),
    }  # fmt: skip
    rows = {source: found for source, table in measured.items() if (found := _columns(kind, source, table))}
    return Family(name="experts", kind=kind, rows=rows, predict=predict, free=free, flat=flat, few="few")


def _columns(kind: str, source: Source, table: ROWS) -> ROWS | None:
    """The calls of a kind in a table; none where it has none that are an engine's own."""
    keep = table["moe_dtype"] == TYPES[kind]
    whose = (kind, source.engine, source.version)
    if {(*whose, source.architecture), (*whose, "")} & UNTUNED or not keep.any():
        return None
    kernel = table["kernel_source"] if "kernel_source" in table else np.full(len(keep), "")
    for whose, name in OTHER_KERNELS:
        if whose in ("", source.engine, f"{source.engine} {source.architecture}"):
            part, _, dtype = name.partition(" ")
            keep = keep & ~((np.char.find(kernel, part) >= 0) & (dtype in ("", TYPES[kind])))
    keep &= (table["inter_size"] / table["moe_tp_size"]) % ALIGNED == 0
    if not keep.any():
        return None
    rows = _call(where(table, keep), by_width=kind in FEW_MODELS)
    read_bytes = bytes_per_value(WEIGHTS.get(kind, kind)) * rows["distinct"] * _values(rows)
    cold_s = read_bytes / source.accelerator.memory_bytes_per_s
    cold = read_bytes > L2_BYTES[source.architecture]
    possible = ~_impossible(rows, cold & (rows["t"] < IMPOSSIBLE * cold_s))
    usable = cold | (cold_s < SHORT_READ_S)
    rows |= {"fitted": _fitted(rows, usable), "few": usable & (rows["tokens"] <= FEW_TOKENS)}
    misnamed = (kind, source.engine, source.architecture) in MISNAMED
    possible &= ~((rows["exponent"] == 0) & ((rows["shape"] == GROUP_LIMITED) | misnamed))
    return where(rows, possible) if possible.any() else None


def _values(rows: ROWS) -> np.ndarray:
    """Weights of one expert."""
    return np.asarray(rows["matrices"] * rows["d"] * rows["f"])


def _call(table: ROWS, *, by_width: bool) -> ROWS:
    tokens, top_k, experts, ep = (
        table[column].astype(float) for column in ("num_tokens", "topk", "num_experts", "moe_ep_size")
    )
    exponents = _exponents(table["distribution"])
    keys = np.stack([tokens, experts, top_k, ep, exponents])
    batches, which = np.unique(keys, axis=1, return_inverse=True)
    drawn = np.array([busiest(*batch) for batch in batches.T.tolist()])[which.ravel()]
    width, model = table["inter_size"] / table["moe_tp_size"], (table["num_experts"], table["topk"])
    shape = shape_names(table["hidden_size"], table["inter_size"], *model)
    return {
        "exponent": exponents,
        "tokens": tokens, "pairs": drawn[:, 0], "distinct": drawn[:, 1], "moved": tokens * top_k,
        "d": table["hidden_size"].astype(float), "f": width,
        "experts": experts, "top_k": top_k, "ep": ep, "t": table["t"],
        "shape": shape_names(table["hidden_size"], width, *model) if by_width else shape,
        "matrices": np.where(np.isin(shape, UNGATED), 2, 3),
    }  # fmt: skip


def _exponents(distribution: np.ndarray) -> np.ndarray:
    """Of the power law; 0 is a balanced batch."""
    names, which = np.unique(distribution, return_inverse=True)
    values = [0.0 if name == "balanced" else float(name.removeprefix("power_law_")) for name in names.tolist()]
    return np.array(values)[which.ravel()]


def _impossible(rows: ROWS, faster: np.ndarray) -> np.ndarray:
    shapes = [shape for shape in np.unique(rows["shape"]) if faster[rows["shape"] == shape].mean() > FEW]
    return np.isin(rows["shape"], shapes)


def _fitted(rows: ROWS, usable: np.ndarray) -> np.ndarray:
    """Usable rows, so many of them with more tokens that those with few are half."""
    few = usable & (rows["tokens"] <= FEW_TOKENS)
    many = np.flatnonzero(usable & ~few)
    np.random.default_rng(0).shuffle(many)
    few[many[: max(int(few.sum()), 1)]] = True
    return few


@cache
def busiest(tokens: float, experts: float, top_k: float, ep: float, exponent: float) -> tuple[float, float]:
    """Pairs and distinct experts of the busiest rank, as the tables' benchmark draws its batches; mean of draws.

    Shares of the experts are drawn from a power law and rounded; what is missing to the sum goes to the ranks in
    turn, to each one's least loaded expert, what is too much comes off the most loaded; no expert gets more than
    every token. Balanced batches deal tokens out evenly. Source: ai-dynamo/aiconfigurator, collector/helper.py,
    ``_generate_power_law_distribution``.
    """
    total = int(tokens * top_k)
    if not exponent:
        pairs = max(total / ep, 1.0)
        return pairs, float(np.clip(min(total, experts) / ep, 1.0, pairs))
    seed = np.random.SeedSequence([int(tokens), int(experts), int(top_k), int(ep)])
    generator = np.random.default_rng(seed)
    ranks = [_drawn(generator.random(int(experts)), int(tokens), total, int(ep), exponent) for _ in range(DRAWS)]
    return float(np.mean([rank.sum() for rank in ranks])), float(np.mean([(rank > 0).sum() for rank in ranks]))


def _drawn(uniform: np.ndarray, tokens: int, total: int, ep: int, exponent: float) -> np.ndarray:
    """Tokens of each expert of the busiest rank in one batch."""
    low, high = (1.0, LARGEST_SHARE * tokens) if total > len(uniform) else FEW_TOKENS_RANGE
    power = 1 - exponent
    loads = (low**power + uniform * (high**power - low**power)) ** (1 / power)
    counts = np.minimum(np.round(loads / loads.sum() * total), tokens).astype(int).reshape(ep, -1)
    missing = total - counts.sum()
    each, rest = divmod(abs(missing), ep)
    for rank, row in enumerate(counts):
        share = each + (rank < rest)
        counts[rank] = levelled(row, share) if missing > 0 else -levelled(-row, share)
    counts = np.maximum(counts, 0)
    return np.asarray(counts[counts.sum(axis=1).argmax()])


def levelled(counts: np.ndarray, more: int) -> np.ndarray:
    """Counts after ``more`` are added one by one, each to the smallest."""
    order = np.argsort(counts, kind="stable")
    values = counts[order]
    sums = np.cumsum(values)
    needed = values * np.arange(1, len(values) + 1) - sums
    raised = int(np.searchsorted(needed, more, side="right"))
    level, rest = divmod(int(sums[raised - 1]) + more, raised)
    values[:raised] = level
    values[:rest] += 1
    result = np.empty_like(counts)
    result[order] = values
    return result
