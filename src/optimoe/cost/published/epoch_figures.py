"""Figures to the article of Epoch AI (December 2024), from its own formulas beside models of the catalog."""

from collections.abc import Sequence

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.arch.memory import kv_bytes_per_token
from optimoe.arch.params import count_params
from optimoe.core.claims import Series, TextFigure
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.published import epoch_rules
from optimoe.cost.serving.step import decode_step

INSIDE = ("mixtral-8x22b", "mixtral-8x7b", "grok-1", "dbrx", "gpt-4")
"""Routed models of the catalog that keep the assumptions of the rule of thumb."""

SPARSITIES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
EXPERTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BATCHES = (1.0, 10.0, 30.0, 100.0, 300.0, 1000.0)

ALL_REDUCE_BYTES_PER_S = 112e9
"""Of the article's example: what an all-reduce moves per second over the links of an H100 node."""

WIDTH, LAYERS, ACTIVATION_BYTES, PRINTED_BYTES = 8192, 80, 2, 1e6
"""Of the article's example, a dense 70B, and the bytes of a token that it prints for them."""

EXAMPLE, CONTEXT_TOKENS = "llama-3.3-70b", 1024
"""The model of the example, and a short context for its full cost."""


def by_sparsity() -> TextFigure:
    """Dense equivalent in fast decoding by sparsity."""
    curves = [
        Series(
            name=f"A = {active}",
            x=SPARSITIES,
            y=tuple(epoch_rules.fast_decode_params(1.0, s * active, active) for s in SPARSITIES),
        )
        for active in (1, 2, 4)
    ]
    points = [_share_of(name) for name in INSIDE]
    printed = (
        Series(name="the article, in general", x=(4.0, 8.0), y=(0.65, 0.50)),
        Series(name="the article, Mixtral 8x22B and GPT-4", x=(4.0, 8.0), y=(90 / 140, 950 / 1800)),
    )
    return TextFigure(
        key="sparsity",
        title="Dense equivalent in fast decoding by sparsity",
        x="sparsity, E/A",
        y="dense size over all parameters",
        series=(*curves, *points, *printed),
        x_log=True,
        notes=(
            "curves: P_eq/P = A^(5/8)/E^(7/16)",
            "points of models: the same mean with the depth of their real layers, not P·A/E; GPT-4 speculated",
        ),
    )


def components() -> TextFigure:
    """What fast decoding is put together from, for GPT-4 and Mixtral 8x22B."""
    numbers = tuple(float(number) for number in range(1, 7))
    gpt4, mixtral = (epoch_rules.rule_components(find_model(name)) for name in ("gpt-4", "mixtral-8x22b"))
    nan = float("nan")
    return TextFigure(
        key="components",
        title="What fast decoding is put together from, for GPT-4 and Mixtral 8x22B",
        x="1 arithmetic, 2 weight reads, 3 depth by P·A/E, 4 depth by layers, 5 network, 6 attention",
        y="dense size, parameters",
        series=(
            Series(name="gpt-4", x=numbers, y=tuple(vars(gpt4).values()), note="shape speculated"),
            Series(name="gpt-4, printed", x=numbers, y=(275e9, 1.8e12, nan, 400e9, 635e9, 300e9)),
            Series(name="mixtral-8x22b", x=numbers, y=tuple(vars(mixtral).values())),
        ),
        y_log=True,
        notes=(
            "the article's depth of 400B is not its own cube-root rule, 120 layers against Llama 3 405B's 126",
            "fast decoding is reads^(1/2) · depth^(1/4) · network^(1/4); prefill and slow decoding are arithmetic",
        ),
    )


def all_reduce() -> TextFigure:
    """Time of a decode step of a dense 70B on 8 H100 by batch."""
    ours = WIDTH * LAYERS * ACTIVATION_BYTES
    return TextFigure(
        key="all-reduce",
        title="Time of a decode step of a dense 70B on 8 H100 by batch",
        x="requests in flight",
        y="milliseconds",
        series=(
            _sent("1 MB, as printed", PRINTED_BYTES),
            _sent("1.31 MB", ours),
            _sent("two a layer", 2 * ours),
            *_full_step(),
        ),
        x_log=True,
        y_log=True,
        notes=(
            f"lines: bytes · batch / {ALL_REDUCE_BYTES_PER_S / 1e9:.0f} GB/s, without the factor (R − 1)/R",
            "tensor parallelism adds two vectors a layer, after attention and after the feed-forward",
            f"full cost model: {EXAMPLE} at tp 8, bf16, {CONTEXT_TOKENS:,} tokens of context",
        ),
    )


def cache_saved() -> TextFigure:
    """Share of the cache saved against a dense model of equal size by number of experts."""
    counted = tuple(epoch_rules.cache_saving(experts / 2) for experts in EXPERTS[1:])
    return TextFigure(
        key="cache",
        title="Share of the cache saved against a dense model of equal size by number of experts",
        x="experts, E",
        y="share saved",
        series=(
            Series(name="the article", x=EXPERTS, y=tuple(map(epoch_rules.cache_saving, EXPERTS))),
            Series(name="if two active counted", x=EXPERTS[1:], y=counted, note="1 − (E/A)^(−1/3), A = 2"),
            *(_cache_of(name) for name in INSIDE),
        ),
        x_log=True,
        notes=(
            "the article: 1 − E^(−1/3)",
            "points: cache per token against that of Llama 3.1 405B (8 key-value heads), taken to the model's "
            "total size by the cube root; MQA in GPT-4 (speculated) saves more than its experts do",
        ),
    )


def _share_of(name: str) -> Series:
    arch = find_model(name)
    experts, active = epoch_rules.routing(arch)
    rule = epoch_rules.rule_of_thumb(arch)
    return Series(name=name, x=(experts / active,), y=(rule.own_depth / rule.components.weight_reads,))


def _cache_of(name: str) -> Series:
    arch, dense = find_model(name), find_model(epoch_rules.DENSE_REFERENCE)
    size = count_params(arch).total / count_params(dense).total
    share = kv_bytes_per_token(arch, "bf16") / (kv_bytes_per_token(dense, "bf16") * size ** (1 / 3))
    return Series(name=name, x=(float(epoch_rules.routing(arch)[0]),), y=(1 - share,))


def _sent(name: str, num_bytes: float) -> Series:
    return Series(
        name=name, x=BATCHES, y=tuple(1e3 * num_bytes * batch / ALL_REDUCE_BYTES_PER_S for batch in BATCHES)
    )


def _full_step() -> Sequence[Series]:
    """All-reduces and the whole step by the full cost model."""
    machine = Machine(gpu=find_accelerator("h100-sxm"), layout=Layout(tp=8), execution=Execution())
    step = decode_step(machine, Engine(), find_model(EXAMPLE), np.array(BATCHES), CONTEXT_TOKENS)
    return [
        Series(name="full model: all-reduces", x=BATCHES, y=tuple((1e3 * step.all_reduce_s).tolist())),
        Series(name="full model: whole step", x=BATCHES, y=tuple((1e3 * step.total_s).tolist())),
    ]
