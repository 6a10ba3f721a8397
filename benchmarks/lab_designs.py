"""What labs trained beside what a plan would train with the same compute: choice, contending set, hit rates.

    python benchmarks/lab_designs.py [name…]          # all runs, or some; all of them write docs/labs.md
    python benchmarks/lab_designs_page.py             # that page again, from the tables of the last run

What was fixed before the table was made:

- the question: reach the loss that the law gives the lab's own design on the lab's own tokens, within the FLOPs of
  that run (6·N_act·D, N_act counted from the shape, and routing), for the least dollars of training and serving. D
  distinct tokens are at hand, which may repeat;
- hardware: the lab's kind of GPU where it is known and has a list price, else h100-sxm, at 40 % MFU in training; 8
  or 32 of them serve in fp8, 1,024 tokens in and out, a TPOT of 50 ms on average;
- the traffic is 1, 3, 10, … 1,000 times the training tokens; that of the lab is the one at which the choice comes
  nearest to its design: the least mean of |ln| of the ratios of active parameters, E, k and granularity;
- the contending set is that of the plan at that traffic; a trait of the lab's design is inside where some member
  has it within a factor of two (E, k, granularity, tokens per active parameter), or also shared experts or none;
- the control gives each lab the budget of another one, with its own nearest traffic there: the mean over all pairs
  of different labs (what many permutations come to), and how seldom a permutation does as well as the truth.

The first goal was the default, the cheapest within 1 % of the lowest loss of the budget. Its first plans (OLMoE
at 1, 30 and 300 times) showed that traffic moves nothing there: the loss is pinned to what compute alone would do,
and every lab trains longer. So the goal became the lab's loss; nothing else was changed after looking.
"""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np

from lab_designs_page import CONTROLS, NAMES, PAGE, ROWS, page, read_controls, read_rows, write_table
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import OptimoeError
from optimoe.cost.hardware.price import priced_accelerators
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.tables import read_request
from optimoe.laws.catalog import find_loss_law
from optimoe.laws.families.krajewski import ROUTING_FLOPS
from optimoe.planner.candidate import Candidate, make_candidate
from optimoe.planner.confidence.contending import overlapping
from optimoe.planner.confidence.draws.asked import ask
from optimoe.planner.confidence.draws.contest import spent_tokens
from optimoe.planner.designs import given_pools
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.labs import Lab, all_labs
from optimoe.planner.plan import choose
from optimoe.planner.problem.family import Family, family_of
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.result import Plan, Trace

TRAFFICS = (1, 3, 10, 30, 100, 300, 1000)
DRAWS = 64
PERMUTATIONS, SEED = 10_000, 0
FACTOR = 2.0
LAW = "optimoe2026"
USUAL_GPU = "h100-sxm"


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What of a design is looked at; a dense one has no k and no granularity (NaN)."""

    params_active: float
    experts: float
    top_k: float
    granularity: float
    shared: float
    tokens_per_param: float


def traits(spec: ArchSpec, tokens: float) -> Traits:
    """Those of a design that was trained on so many tokens."""
    moe, active = spec.moe, count_params(spec).active
    return Traits(
        params_active=active,
        experts=moe.num_experts if moe else 1,
        top_k=moe.top_k if moe else math.nan,
        granularity=4 * spec.d_model / moe.d_expert if moe else math.nan,
        shared=float(bool(moe and moe.num_shared_experts)),
        tokens_per_param=tokens / active,
    )


def family_traits(family: Family, params_active: float, tokens: float) -> Traits:
    """Those of a design of a family."""
    dense = family.dense
    width = family.ffn_ratio or family.active_ffn_ratio / (family.top_k + family.num_shared_experts)
    return Traits(
        params_active=params_active,
        experts=family.num_experts,
        top_k=math.nan if dense else family.top_k,
        granularity=math.nan if dense else 4 / width,
        shared=0.0 if dense else float(family.num_shared_experts > 0),
        tokens_per_param=tokens / params_active,
    )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The choice of one budget at one traffic."""

    lab: Lab
    times: int
    chosen: Candidate
    choice: Traits


@dataclass(frozen=True, kw_only=True)
class Contenders:
    """The contending set of a choice, and its share of the designs that were compared."""

    members: tuple[Traits, ...]
    share: float


def gpu_of(lab: Lab) -> str:
    """The kind of GPU of a plan: the lab's where it is known and sold by the hour."""
    return lab.gpu if lab.gpu in priced_accelerators() else USUAL_GPU


def question(lab: Lab, times: int) -> Problem:
    """The question of a lab's run at a traffic of so many times its training tokens."""
    gpu, spec = gpu_of(lab), lab.spec
    law = find_loss_law(LAW)
    routing = (ROUTING_FLOPS - TRAIN_FLOPS_PER_PARAM_TOKEN) * count_params(spec).router * lab.tokens
    words = {
        "law": LAW,
        "target_loss": float(law.arch_curve(spec).loss(lab.tokens)),
        "train_flops": (lab.train_flops + routing) * (1 + 1e-6),
        "mfu": 0.4,
        "unique_tokens": lab.tokens,
        "serve_gpus": ",".join(f"{number}x{gpu}" for number in (8, 32)),
        "precision": "fp8",
        "serve_tokens": times * lab.tokens,
        "tpot": "50ms",
    }
    return read_request(PlanRequest, words).problem()


def contenders(answer: Answer) -> Contenders:
    """The contending set of a choice, once for each."""
    key = (answer.lab.name, repr(answer.chosen.spec))
    if key not in KNOWN:
        problem, choice = question(answer.lab, answer.times), answer.chosen
        found = ask(bare_plan(problem, choice), DRAWS)
        lineup, tokens = found.lineup, spent_tokens(found.result, found.lineup)
        places = np.flatnonzero(overlapping([found.by_all()]))
        members = {
            family_traits(lineup.families[place], float(lineup.params_active[place]), float(tokens[place]))
            for place in places
        }
        KNOWN[key] = Contenders(members=tuple(members), share=len(places) / found.of)
    return KNOWN[key]


KNOWN: dict[tuple[str, str], Contenders] = {}
"""Contending sets by the lab of a budget and its choice."""


def bare_plan(problem: Problem, choice: Candidate) -> Plan:
    """A plan without what stands beside its choice, which no draw needs."""
    trace = {field.name: 0 for field in fields(Trace)}
    words: dict[str, Any] = {field.name: () for field in fields(Plan)}
    words |= {"problem": problem, "choice": choice, "lowest_loss": None, "best_dense": None}
    return Plan(**words | {"trace": Trace(**trace)})  # type: ignore[arg-type]


def distance(own: Traits, other: Traits) -> float:
    """Mean |ln| of the ratios of active parameters, E, k and granularity; k = 1 and 1.33 stand for a dense one."""
    pairs = [
        (getattr(one, name) if not math.isnan(getattr(one, name)) else usual)
        for name, usual in (("params_active", 1.0), ("experts", 1.0), ("top_k", 1.0), ("granularity", 4 / 3))
        for one in (own, other)
    ]
    return float(np.mean([abs(math.log(a / b)) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]))


def inside(own: Traits, members: tuple[Traits, ...]) -> dict[str, float]:
    """By trait whether some member has it too: 1, 0, or NaN where the design has none; and all of them in one."""
    table = {name: np.array([getattr(one, name) for one in members]) for name in NAMES}
    found: dict[str, Any] = {}
    for name in NAMES:
        value = getattr(own, name)
        if name == "shared":
            found[name] = table[name] == value
        else:
            with np.errstate(invalid="ignore"):
                found[name] = np.abs(np.log(table[name] / value)) <= math.log(FACTOR) * (1 + 1e-9)
    dense = own.experts == 1
    told = {name: not (dense and name in ("top_k", "granularity", "shared")) for name in NAMES}
    hits = {name: float(found[name].any()) if told[name] else math.nan for name in NAMES}
    together = np.logical_and.reduce([found[name] for name in NAMES if told[name]])
    return hits | {"all": float(together.any())}


def nearest(own: Traits, answers: list[Answer]) -> Answer:
    """The answer whose choice is nearest to a design; of equal choices that of the least traffic."""
    return min(answers, key=lambda one: distance(own, one.choice))


def answers_of(lab: Lab) -> list[Answer]:
    """The choices of a lab's budget at every traffic that has one."""
    found = []
    for times in TRAFFICS:
        try:
            chosen = choose(question(lab, times))
        except OptimoeError as error:
            print(f"# {lab.name} at {times}×: {error}", file=sys.stderr)
            continue
        own = traits(chosen.spec, chosen.tokens)
        found.append(Answer(lab=lab, times=times, chosen=chosen, choice=own))
    return found


def lowest_loss(lab: Lab) -> float:
    """The lowest loss that the compute of a lab's run reaches on its distinct tokens."""
    try:
        return choose(replace(question(lab, 1), goal=LowestLoss())).loss.value
    except OptimoeError:
        return math.nan


def own_usd(lab: Lab, times: int) -> tuple[float, str]:
    """Dollars of the lab's own design on its own tokens under the same question; or why it has none."""
    problem = question(lab, times)
    (pool,) = given_pools(problem, (lab.spec,))
    if not pool.possible[0]:
        return math.nan, pool.standing.reason or "cannot be served by these GPUs within the limits"
    return make_candidate(pool, 0, lab.tokens, lab.spec).total_usd, ""


def row(lab: Lab, answers: list[Answer]) -> dict[str, Any]:
    """What the table says of one lab."""
    own = traits(lab.spec, lab.tokens)
    near = nearest(own, answers)
    among, choice = contenders(near), near.chosen
    hits = inside(own, among.members)
    usd, why = own_usd(lab, near.times)
    return {
        "name": lab.name,
        "title": lab.title,
        "date": lab.date,
        "basis": lab.tokens_basis,
        "flops": lab.train_flops,
        "gpu": gpu_of(lab),
        "active": own.params_active,
        "tokens": lab.tokens,
        "loss": float(find_loss_law(LAW).arch_curve(lab.spec).loss(lab.tokens)),
        "lab": family_words(family_of(lab.spec)),
        "times": near.times,
        "distance": distance(own, near.choice),
        "choice": family_words(choice.family),
        "choice_active": choice.params.active,
        "choice_tokens": choice.tokens,
        "members": len(among.members),
        "share": among.share,
        "lowest": lowest_loss(lab),
        "usd": choice.total_usd,
        "lab_usd": usd,
        "why_not": why,
        **{f"hit_{name}": hits[name] for name in (*NAMES, "all")},
    }


def cross(labs: list[Lab], answers: dict[str, list[Answer]]) -> np.ndarray:
    """Hits of every lab's design (rows) at every lab's budget (columns), by trait and together."""
    keys = (*NAMES, "all")
    table = np.full((len(labs), len(labs), len(keys)), np.nan)
    for i, lab in enumerate(labs):
        own = traits(lab.spec, lab.tokens)
        for j, other in enumerate(labs):
            hits = inside(own, contenders(nearest(own, answers[other.name])).members)
            table[i, j] = [hits[key] for key in keys]
    return table


def rates(table: np.ndarray) -> list[dict[str, Any]]:
    """By trait: how often labs shuffled between budgets are inside, and the permutations that do as well."""
    number = len(table)
    generator = np.random.default_rng(SEED)
    orders = [generator.permutation(number) for _ in range(PERMUTATIONS)]
    found = []
    for place, key in enumerate((*NAMES, "all")):
        hits = table[:, :, place]
        truth = float(np.nanmean(np.diagonal(hits)))
        off = float(np.nanmean(hits[~np.eye(number, dtype=bool)]))
        shuffled = np.array([np.nanmean(hits[np.arange(number), order]) for order in orders])
        as_well = float((shuffled >= truth - 1e-12).mean())
        found.append({"trait": key, "shuffled": off, "permutations": as_well})
    return found


@cache
def started() -> float:
    """When the run began."""
    return time.perf_counter()


def main(words: Sequence[str]) -> None:
    """All runs, or those that are named."""
    started()
    names = [word for word in words if not word.startswith("--")]
    labs = [lab for lab in all_labs() if lab.tokens and (not names or lab.name in names)]
    answers = {}
    for lab in labs:
        answers[lab.name] = answers_of(lab)
        print(f"# {lab.name}: {time.perf_counter() - started():.0f} s", file=sys.stderr)
    labs = [lab for lab in labs if answers[lab.name]]
    rows = [row(lab, answers[lab.name]) for lab in labs]
    controls = rates(cross(labs, answers))
    if not names:
        write_table(ROWS, rows)
        write_table(CONTROLS, controls)
        PAGE.write_text(page(read_rows(), read_controls(), time.strftime("%Y-%m-%d")), encoding="utf-8")
    print(page(rows, controls, time.strftime("%Y-%m-%d")))


if __name__ == "__main__":
    main(sys.argv[1:])
