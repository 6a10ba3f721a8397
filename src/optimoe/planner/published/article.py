"""The article on mixtures: its claims and figures on designs and their cost, beside those on laws.

Mixtral 8x7B, capacity and overflow (Switch Transformer, arXiv 2101.03961), a million experts behind product keys
(PEER, arXiv 2407.04153). What takes training (perplexity by number of PEER experts, forgetting) is not here.
"""

from dataclasses import replace

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops
from optimoe.arch.params import count_params
from optimoe.arch.parts import PEER, Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.claims import Claim, FigureMaker, Range, Reproduction, Series, TextFigure, judged, printed_range
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.kernels.spread import RoutingSkew
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.overflow import dropped_share
from optimoe.cost.serving.step import decode_step
from optimoe.laws.catalog import find_law, find_loss_law
from optimoe.laws.families.krajewski import ROUTING_FLOPS
from optimoe.planner.problem.training import DEFAULT_MFU, Training
from optimoe.planner.published.designs import OF_TEXTS

TEXT = "article2024"
MIXTRAL = "mixtral-8x7b"
MANY_KEYS = 1024
"""1024² experts, the largest pool of the PEER paper."""

FACTORS = (1.0, 1.1, 1.25, 1.5, 2.0)
"""The article's range of capacity, 1 to 1.25, and beyond."""
SKEWS = (0.0, 0.3, 0.6, 1.0)
"""Zipf exponents: even, two between, and load as 1/rank."""
GROUPS = ((8, 2), (64, 8))
"""(E, k): Mixtral's, and finer experts."""
GROUP_TOKENS = 4096
"""Tokens that share a capacity: the batches of training are larger, groups of it often as small."""
FEW_TOKENS = 256
"""So few that chance alone overflows a capacity of 1.25."""
NEVER = 1e-4
"""Shares below this are 0 in the figure."""

WIDTH, LAYERS, VOCABULARY = 768, 12, 50_257
"""The smallest GPT-2's shape: with 1024² experts 19.4B parameters, which one 80 GB device holds."""
KEYS = (64, 128, 256, 512, MANY_KEYS)
RETRIEVED, KEY_WIDTH = 16, 128
"""Experts that a head retrieves, as in PEER's models, and width of a query (assumed)."""
BATCHES = (1, 256)
CONTEXT_TOKENS = 1024
GPU = "h100-sxm"

KRAJEWSKI, EXPANSION = "krajewski2024-e64", 64
BEST_GRAINS = {"64×100M": (2.95e18, 8), "64×1B": (1.93e20, 16), "64×7B": (6.46e21, 32), "64×70B": (4.16e23, 32)}
"""Krajewski 2024, Table 2: budget in FLOPs and best granularity by model."""
GRAINS = (1, 2, 4, 8, 16, 32, 64)
HEAD_DIM = 64
"""Width of a head, and of d_model for each layer, in Krajewski's shapes."""

QUERIES, CHECKED_KEYS = 1000, 64
"""Of the run that holds product keys against all scores: 4,096 experts."""


def reproduce_article() -> list[Reproduction]:
    """The article's claims on designs beside our own numbers."""
    planned = [_planned_grain(name, flops, grain) for name, (flops, grain) in BEST_GRAINS.items()]
    return [*planned, *(_judged(*row) for row in _claims())]


def _claims() -> list[tuple[str, str, str, float]]:
    """(claim, place, printed, ours)."""
    mixtral, fine = find_model(MIXTRAL), _split_in_two(find_model(MIXTRAL))
    whole, halves = count_params(mixtral), count_params(fine)
    tight, usual = (dropped_share(FEW_TOKENS, 8, 2, factor) for factor in (1.0, 1.25))
    return [
        ("Mixtral 8x7B has 47B parameters", "text", "47B", whole.total),
        ("Mixtral 8x7B uses 13B of them for a token", "text", "13B", whole.active),
        (
            "8 experts, top-2, cut into 16 of half the width, top-4: total parameters as before, routers aside",
            "text",
            "1",
            (halves.total - halves.router) / (whole.total - whole.router),
        ),
        (
            "... and active parameters as before, routers aside",
            "text",
            "1",
            (halves.active - halves.router) / (whole.active - whole.router),
        ),
        (
            "a capacity of 1.25 turns fewer tokens away than one of 1 (E = 8, k = 2, 256 tokens, even experts)",
            "text",
            "<1",
            usual / tight,
        ),
        (
            "product keys compare 2·√N half keys a head with a query, of N = 1024² experts: 2048",
            "PEER, Sec. 2",
            "2048",
            _half_keys(MANY_KEYS),
        ),
        (
            "the best experts by product keys are the best of all: share of 1,000 queries over 4,096 experts",
            "PEER, Sec. 2",
            "1",
            _exact_share(),
        ),
    ]


def _judged(claim: str, where: str, printed: str, ours: float) -> Reproduction:
    exact = printed == "1"
    published: Range = (1.0, 1.0) if exact else printed_range(printed)
    return judged(
        Claim(text=TEXT, claim=claim, law="", where=where, printed=printed, published=published), (ours, ours)
    )


def _planned_grain(name: str, flops: float, grain: int) -> Reproduction:
    """The best granularity of a budget among the planner's shapes, with routing paid for as the law does."""
    losses = planned_losses(flops)
    best = min(losses, key=lambda one: losses[one])
    band = find_law(KRAJEWSKI).row.rmse_log * losses[best]
    near = [float(one) for one, loss in losses.items() if loss <= losses[best] + band]
    claim = Claim(
        text=TEXT,
        claim=f"{name}: the planner finds the best granularity at {flops:.3g} FLOP, G = {grain}",
        law=KRAJEWSKI,
        where="Krajewski 2024, Table 2, by the planner",
        printed=str(grain),
        value=grain,
        published=(grain, grain),
    )
    behind = losses[grain] - losses[best]
    words = (
        f"a near-tie: within the law's own error, {band:.4f} nats, of the best (G = {grain} loses {behind:.4f})"
    )
    return judged(claim, (best, best), [(words, lambda: (min(near), max(near)))])


def planned_losses(flops: float, routing_flops_per_weight: float = ROUTING_FLOPS) -> dict[int, float]:
    """Least loss of a budget by granularity, over the planner's shapes with 64·G experts, top-G, width 4·d/G.

    Their experts are gated, with three matrices where Krajewski's have two; the budget pays for embeddings too.
    """
    training = Training(
        accelerator=find_accelerator(GPU),
        price=given_price(1.0),
        budget_flops=flops,
        routing_flops_per_weight=routing_flops_per_weight,
    )
    losses = {}
    for grain in GRAINS:
        space = replace(
            OF_TEXTS,
            num_experts=(EXPANSION * grain,),
            top_k=(grain,),
            ffn_ratio=(4 / grain,),
            head_dim=HEAD_DIM,
            width_step=HEAD_DIM,
            min_aspect=HEAD_DIM,
            max_aspect=HEAD_DIM,
        )
        grid = space.designs(dict.fromkeys(space.families(), space.every()))
        sizes = count_params(grid)
        tokens = training.affordable_tokens(sizes.active, DEFAULT_MFU, sizes.router)
        losses[grain] = float(np.nanmin(find_loss_law(KRAJEWSKI).arch_curve(grid).loss(tokens)))
    return losses


def _split_in_two(arch: ArchSpec) -> ArchSpec:
    """Every expert cut into two of half the width, of which a token takes twice as many."""

    def split(moe: FeedForward) -> FeedForward:
        assert isinstance(moe, MoE)
        return replace(moe, num_experts=2 * moe.num_experts, top_k=2 * moe.top_k, d_expert=moe.d_expert // 2)

    return replace(arch, layers=tuple(replace(group, ffn=split(group.ffn)) for group in arch.layers))


def _half_keys(num_keys: int) -> float:
    """Half keys that a head compares with its query, from the parameters of the keys."""
    pool = PEER(num_keys=num_keys, num_heads=1, top_k=RETRIEVED, d_key=KEY_WIDTH)
    keys = pool.matrix_params(WIDTH)["router"] - WIDTH * KEY_WIDTH
    return keys / (KEY_WIDTH / 2)


def _exact_share() -> float:
    """Share of random queries whose k best pairs, from the k best of each half, are the k best of all n² pairs.

    He 2024, arXiv 2407.04153, Algorithm 1: a pair (i, j) scores q₁·c_i + q₂·c'_j.
    """
    rng, n, k = np.random.default_rng(0), CHECKED_KEYS, RETRIEVED
    first, second = rng.standard_normal((2, QUERIES, n))
    every = (first[:, :, None] + second[:, None, :]).reshape(QUERIES, n * n)
    best = np.sort(np.argpartition(-every, k)[:, :k], axis=1)
    row, column = (np.argpartition(-half, k)[:, :k] for half in (first, second))
    sums = np.take_along_axis(first, row, 1)[:, :, None] + np.take_along_axis(second, column, 1)[:, None, :]
    pair = np.argpartition(-sums.reshape(QUERIES, k * k), k)[:, :k]
    found = np.take_along_axis(row, pair // k, 1) * n + np.take_along_axis(column, pair % k, 1)
    return float((np.sort(found, axis=1) == best).all(axis=1).mean())


def overflow() -> TextFigure:
    """Share of expert slots that find no room, by capacity factor and routing skew."""
    series = tuple(
        Series(
            name=f"{experts}:{k} s {skew:g}",
            x=FACTORS,
            y=tuple(_dropped(experts, k, factor, skew) for factor in FACTORS),
        )
        for experts, k in GROUPS
        for skew in SKEWS
    )
    return TextFigure(
        key="overflow",
        title="Share of expert slots that find no room, by capacity factor and routing skew",
        x="capacity factor",
        y="share of slots dropped",
        series=series,
        notes=(
            f"E:k, and s of load ∝ rank^(−s); {GROUP_TOKENS:,} tokens share ⌈factor·tokens·k/E⌉ slots an expert",
            "exact for tokens that choose independently (binomial tails); tokens of one text overflow more",
            "even experts overflow by chance alone, as 1/√tokens at a factor of 1; a skew does at any group size",
            f"shares below {NEVER:g} are shown as 0",
        ),
    )


def _dropped(experts: int, top_k: int, factor: float, skew: float) -> float:
    share = dropped_share(GROUP_TOKENS, experts, top_k, factor, RoutingSkew(zipf=skew))
    return share if share > NEVER else 0.0


def peer() -> TextFigure:
    """Size, FLOPs and seconds of PEER layers by number of experts, at the FLOPs of a dense layer."""
    dense = _decoder(DenseFFN(d_ff=4 * WIDTH, gated=False))
    pools = [_decoder(_pool_at_dense_flops(keys, dense)) for keys in KEYS]
    machine, engine = Machine(gpu=find_accelerator(GPU)), Engine()

    def step_s(arch: ArchSpec, batch: int) -> float:
        return float(decode_step(machine, engine, arch, batch, CONTEXT_TOKENS).total_s)

    measures = {
        "parameters": lambda arch: count_params(arch).total,
        "active parameters": lambda arch: count_params(arch).active,
        "FLOPs a token": lambda arch: decode_flops(arch, CONTEXT_TOKENS).total,
    } | {f"seconds, batch {batch}": lambda arch, batch=batch: step_s(arch, batch) for batch in BATCHES}
    heads = ", ".join(f"{keys}²: {_heads(keys, dense)}" for keys in KEYS)
    return TextFigure(
        key="peer",
        title="Size, FLOPs and seconds of PEER layers by number of experts, at the FLOPs of a dense layer",
        x="experts of a layer",
        y="multiple of the dense model",
        series=tuple(
            Series(
                name=name,
                x=tuple(float(keys**2) for keys in KEYS),
                y=tuple(float(measure(pool) / measure(dense)) for pool in pools),
            )
            for name, measure in measures.items()
        ),
        x_log=True,
        y_log=True,
        notes=(
            f"{LAYERS} layers of width {WIDTH}; a head's query, {KEY_WIDTH} wide, retrieves {RETRIEVED} experts",
            f"heads so that the layer costs as many FLOPs as the dense one: {heads}",
            f"a decode step on one {GPU}, {CONTEXT_TOKENS:,} tokens of context, bf16; PEER as a roofline",
            "perplexity by number of experts takes a sweep of trainings: not here",
        ),
    )


def _decoder(ffn: FeedForward) -> ArchSpec:
    attention = Attention(num_heads=LAYERS, num_kv_heads=LAYERS, head_dim=WIDTH // LAYERS)
    layers = (LayerGroup(num_layers=LAYERS, mixer=attention, ffn=ffn),)
    return ArchSpec(name="decoder", vocab_size=VOCABULARY, d_model=WIDTH, layers=layers, tied_embeddings=True)


def _pool_at_dense_flops(num_keys: int, dense: ArchSpec) -> PEER:
    return PEER(num_keys=num_keys, num_heads=_heads(num_keys, dense), top_k=RETRIEVED, d_key=KEY_WIDTH)


def _heads(num_keys: int, dense: ArchSpec) -> int:
    """Heads with which a pool of n² experts costs as many FLOPs as the dense feed-forward, to the nearest."""
    one = PEER(num_keys=num_keys, num_heads=1, top_k=RETRIEVED, d_key=KEY_WIDTH)
    target = sum(dense.layers[0].ffn.flops(WIDTH).values())
    return max(1, round(target / sum(one.flops(WIDTH).values())))


ARTICLE_FIGURES: dict[str, FigureMaker] = {"overflow": overflow, "peer": peer}
"""Key → what makes the figure."""
