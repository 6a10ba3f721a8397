"""Optima that texts print, found again by the planner among real shapes.

Shapes are those of Ludziejewski et al. 2025 (arXiv 2502.05172, eqs. 9-10): heads of 64, as many heads and layers
as d/64, gated feed-forwards of 3·d, a key-value head for each head. Sizes come in steps then; ours is the range
half-way to the neighbouring shapes, and a printed number is the range that rounds to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.claims import Claim, Range, Reproduction, judged, printed_range
from optimoe.core.config import build, load_facts
from optimoe.core.errors import UnknownNameError
from optimoe.core.units import TOKENS_PER_MTOK
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.reserve import Reserve
from optimoe.cost.facts import efficiency
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.laws.catalog import find_law, find_loss_law
from optimoe.laws.families.dense import Chinchilla
from optimoe.laws.loss_law import LossLaw
from optimoe.laws.published.ledger import law_texts
from optimoe.laws.published.rounding import output_in_rounding
from optimoe.planner.designs import Pool, evaluate
from optimoe.planner.problem.goal import Goal, LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import Training
from optimoe.planner.published.designs import OF_TEXTS
from optimoe.planner.search.objective import tokens_and_objective

HEAD_DIM = 64
"""Width of a head, and of d_model for each layer (eqs. 9-10)."""

LARGEST_WIDTH = 65_536
"""Wide enough that no printed optimum lies at the edge of the shapes."""

FRONTIER_FLOPS = (1e20, 1e26)
"""Ends of the frontier whose slope is taken: six decades, so that the step from shape to shape does not matter."""

PLANNED = "by the planner"
"""Where these rows stand apart from those of the law's own formulas."""
ROUNDED = "the law's own optimum within the rounding of its printed coefficients"
GIGABYTE = 1e9
UNBOUNDED_MEMORY = 5e13
"""Bytes of a device that holds every shape: a model of 10^13 parameters in bf16, its cache and more."""

CACHE_TOKENS = 16_384
"""Tokens of the one request whose cache a memory holds beside the weights (Ludziejewski 2025, Table 2)."""


@dataclass(frozen=True, kw_only=True)
class SizeClaim:
    """Parameters and tokens of the lowest loss of a budget, as printed.

    ``other_law`` and ``meant_flops`` (the budget that the row's own N and D give) are run where ours differs.
    """

    text: str
    law: str
    flops: float
    experts: int
    params: str
    tokens: str
    other_law: str = ""
    meant_flops: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MemoryClaim:
    """The printed best number of experts where weights and one request's cache fill a memory."""

    text: str
    law: str
    flops: float
    gigabytes: float
    experts: int


@dataclass(frozen=True, kw_only=True)
class LifetimeClaim:
    """The printed size of least FLOPs over training and inference, at the loss of a compute-optimal model."""

    text: str
    law: str
    like: float
    served: float
    params: str


@dataclass(frozen=True, kw_only=True)
class ExponentClaim:
    """The power of the budget by which the best size, or its tokens, grow, as printed."""

    text: str
    law: str
    quantity: str
    exponent: str


def reproduce_optima(text: str) -> list[Reproduction]:
    """Hold every printed optimum of a text beside the planner's.

    Raises:
        UnknownNameError: A text without any.
    """
    facts = load_facts("optimoe.planner", "optima.toml")
    verdicts: list[Reproduction] = []
    for name, (kind, judge) in KINDS.items():
        for row in facts[name]:
            if row["text"] == text:
                verdicts += judge(build(kind, row, where="optima.toml"))
    if not verdicts:
        raise UnknownNameError("text", text, texts())
    return verdicts


def texts() -> tuple[str, ...]:
    """Names of the texts with printed optima."""
    facts = load_facts("optimoe.planner", "optima.toml")
    return tuple(dict.fromkeys(row["text"] for name in KINDS for row in facts[name]))


def _size(row: SizeClaim) -> list[Reproduction]:
    where = f"at {row.flops:.3g} FLOP" + (f", E = {row.experts}" if row.experts > 1 else ", dense")
    verdicts = []
    for which, (name, printed) in enumerate((("N", row.params), ("D", row.tokens))):
        causes: list[tuple[str, Callable[[], Range]]] = []
        digits = law_texts()[row.text].digits.get(row.law, {})
        if digits:
            own = {"F": row.flops, "E": float(row.experts)}
            causes.append((ROUNDED, partial(output_in_rounding, row.law, f"{name}_opt", own, digits, {})))
        if row.meant_flops:
            words = f"{row.meant_flops:.3g} FLOP, which is 6ND of the row"
            causes.append((words, partial(_size_of, row, which, flops=row.meant_flops)))
        if row.other_law:
            words = f"the coefficients of {row.other_law}"
            causes.append((words, partial(_size_of, row, which, law=row.other_law)))
        claim = Claim(
            text=row.text,
            claim=f"the lowest loss {where} has {name} = {printed}",
            law=row.law,
            where=PLANNED,
            printed=printed,
            published=printed_range(printed),
        )
        verdicts.append(judged(claim, _size_of(row, which), causes))
    return verdicts


def _size_of(row: SizeClaim, which: int, *, law: str = "", flops: float = 0.0) -> Range:
    """Parameters (0) or tokens (1) of the lowest loss, under another law or with another budget where given."""
    found = find_law(law or row.law).allow_inconsistent()
    assert isinstance(found, LossLaw)
    pool = _pool(row.experts, Training(**_hardware(), budget_flops=flops or row.flops), found)
    params = _best(pool, LowestLoss())
    low, high = (float(pool.problem.training.affordable_tokens(size, 1.0)) for size in reversed(params))
    return (low, high) if which else params


def _memory(row: MemoryClaim) -> list[Reproduction]:
    law, training = find_loss_law(row.law), Training(**_hardware(), budget_flops=row.flops)
    losses = {}
    for experts in (1, 2, 4, 8, 16, 32):
        pool = _pool(experts, training, law, memory_bytes=row.gigabytes * GIGABYTE)
        losses[experts] = float(tokens_and_objective(pool, LowestLoss())[1].min())
    best = min(losses, key=lambda experts: losses[experts])
    band = law.row.rmse_log * losses[best]
    near = [float(experts) for experts, loss in losses.items() if loss <= losses[best] + band]
    words = f"a near-tie: within the law's own error, {band:.4f} nats, of the best (E = {row.experts} loses "
    words += f"{losses[row.experts] - losses[best]:.4f})"
    claim = Claim(
        text=row.text,
        claim=f"{row.gigabytes:g} GB at {row.flops:.3g} FLOP are best used by E = {row.experts}",
        law=row.law,
        where=PLANNED,
        published=(row.experts, row.experts),
    )
    return [judged(claim, (best, best), [(words, lambda: (min(near), max(near)))])]


def _lifetime(row: LifetimeClaim) -> list[Reproduction]:
    law = find_loss_law(row.law)
    assert isinstance(law, Chinchilla)
    loss = float(law.loss(row.like, law.tokens_for_params(row.like)))
    pool = _pool(1, Training(**_hardware()), law, goal=LeastCost(max_loss=loss), served=row.served)
    claim = Claim(
        text=row.text,
        claim=f"the loss of {row.like:.3g} parameters and {row.served:.3g} served tokens: train {row.params}",
        law=row.law,
        where=PLANNED,
        printed=row.params,
        published=printed_range(row.params),
    )
    return [judged(claim, _best(served_by_flops(pool), LeastCost(max_loss=loss)))]


def _exponent(row: ExponentClaim) -> list[Reproduction]:
    low, high = FRONTIER_FLOPS
    ends = [
        _best(_pool(1, Training(**_hardware(), budget_flops=flops), find_loss_law(row.law)), LowestLoss())
        for flops in (low, high)
    ]
    decades = np.log(high / low)
    slopes = sorted(float(np.log(ends[1][i] / ends[0][j]) / decades) for i, j in ((0, 1), (1, 0)))
    ours = (slopes[0], slopes[1]) if row.quantity == "params" else (1 - slopes[1], 1 - slopes[0])
    claim = Claim(
        text=row.text,
        claim=f"the best {row.quantity} grow as the budget to the power {row.exponent}",
        law=row.law,
        where=PLANNED,
        printed=row.exponent,
        published=printed_range(row.exponent),
    )
    return [judged(claim, ours)]


KINDS: dict[str, tuple[type[Any], Callable[[Any], list[Reproduction]]]] = {
    "size": (SizeClaim, _size),
    "memory": (MemoryClaim, _memory),
    "lifetime": (LifetimeClaim, _lifetime),
    "exponent": (ExponentClaim, _exponent),
}


def served_by_flops(pool: Pool) -> Pool:
    """The pool with a served token at the price of 2·N training FLOPs (Sardana 2024, arXiv 2401.00448, eq. 3)."""
    usd_per_token = pool.usd_per_train_token / 3
    servings = tuple(
        replace(
            serving,
            usd_per_mtok=usd_per_token * TOKENS_PER_MTOK,
            tokens_per_s=deployment.cluster.num_gpus * deployment.price.usd_per_gpu_s / usd_per_token,
        )
        for serving, deployment in zip(pool.servings, pool.problem.deployments, strict=True)
    )
    return replace(pool, servings=servings)


def _hardware() -> dict[str, Any]:
    """A GPU, and FLOPs by the texts' convention: 6ND, routing neglected."""
    return {
        "accelerator": find_accelerator("h100-sxm"),
        "price": given_price(1.0),
        "routing_flops_per_weight": TRAIN_FLOPS_PER_PARAM_TOKEN,
    }


def _pool(
    experts: int,
    training: Training,
    law: LossLaw,
    *,
    memory_bytes: float = UNBOUNDED_MEMORY,
    goal: Goal | None = None,
    served: float = 0.0,
) -> Pool:
    """Every shape with so many experts, served one request at a time by one device of so much memory."""
    gpu = replace(training.accelerator, memory_bytes=memory_bytes / efficiency("usable_memory"))
    deployment = Deployment(
        cluster=Cluster(accelerator=gpu, num_gpus=1),
        # the memory of its cache alone counts, so that no prompt need be computed
        workload=Workload(input_tokens=CACHE_TOKENS - 1, output_tokens=1, prefix_hit=1.0),
        price=training.price,
        engine=Engine(chunk_tokens=1, reserve=Reserve()),
    )
    space = replace(
        OF_TEXTS,
        num_experts=(experts,),
        head_dim=HEAD_DIM,
        width_step=HEAD_DIM,
        min_aspect=HEAD_DIM,
        max_aspect=HEAD_DIM,
        max_width=LARGEST_WIDTH,
    )
    problem = Problem(
        training=training,
        deployments=(deployment,),
        traffic=Traffic(lifetime_tokens=served),
        law=law,
        goal=goal or LowestLoss(),
        space=space,
    )
    (pool,) = evaluate(problem, space.members(space.every())).values()
    return pool


def _best(pool: Pool, goal: LowestLoss | LeastCost) -> Range:
    """Active parameters of the best design, half-way to the shapes next to it."""
    index = int(tokens_and_objective(pool, goal)[1].argmin())
    sizes = pool.params_active[max(index - 1, 0) : index + 2]
    own = pool.params_active[index]
    return float(own + sizes[0]) / 2, float(own + sizes[-1]) / 2
