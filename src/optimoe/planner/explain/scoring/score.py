"""Models of one's own beside the designs of a plan, priced and judged by the same code; and what labs trained."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InputError
from optimoe.core.units import format_count
from optimoe.planner.candidate import Candidate, make_candidate
from optimoe.planner.designs import Pool, given_pools
from optimoe.planner.explain.infeasible import explain_infeasible
from optimoe.planner.explain.reasons import ordinal
from optimoe.planner.explain.scoring.gaps import dollar_reasons, loss_reasons
from optimoe.planner.explain.scoring.moves import local_moves
from optimoe.planner.labs import Lab, all_labs
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.data import ALL_TEXT_TOKENS
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.kinds import GROUPED
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import attends_to_everything
from optimoe.planner.result import LabReference, LocalMove, Scored
from optimoe.planner.search.objective import WHOLE_BUDGET, SearchGoal, equal_loss, tokens_and_objective
from optimoe.planner.search.settle import settled_model

NEAR_BUDGET = 2.0
"""Labs within this factor of a budget's FLOPs stand beside it: half and twice (assumed)."""

MOST_MOVED = 4
"""Scored designs of which every change is scored too, a second each; of more, none is."""

MOST_LABS = 3
"""Labs that stand beside a plan, the nearest in FLOPs."""


def score(
    problem: Problem, choice: Candidate, lowest: Candidate | None = None, memory: PricedGrids = SHARED
) -> tuple[Scored, ...]:
    """Every model that the problem names: at the loss of the choice, on the whole budget, on its owner's tokens.

    Each is priced as the choice is, in every layout that ``optimoe cost`` and ``optimoe cost train`` try.

    Args:
        problem: The question, with the models.
        choice: What the plan chose.
        lowest: The lowest loss that the whole budget reaches; none without a budget.
        memory: Designs that were priced before.
    """
    number = len(problem.scored)
    stated = problem.score_tokens if len(problem.score_tokens) == number else problem.score_tokens * number
    tokens = stated or (0.0,) * number
    found = []
    for spec, own in zip(problem.scored, tokens, strict=True):
        pool = settled_model(problem, spec, memory)
        plain = _scored(pool, spec, choice, own)
        why = _why(problem, pool, plain, choice, lowest)
        moved = number <= MOST_MOVED and not plain.not_ranked
        moves = moves_of(problem, plain, choice, memory) if moved else ()
        found.append(replace(plain, why=why, moves=moves))
    return tuple(found)


def labs_at(problem: Problem, choice: Candidate, memory: PricedGrids = SHARED) -> tuple[LabReference, ...]:
    """What labs trained with about the compute of the choice's budget, on their own tokens; by FLOPs."""
    training = problem.training
    flops = training.budget_flops_about if training.bounded else choice.training.flops
    found = []
    for lab in labs_near(flops):
        pool = settled_model(problem, lab.spec, memory)
        found.append(
            LabReference(lab=lab, scored=_with_reason(problem, pool, _scored(pool, lab.spec, choice, lab.tokens)))
        )
    return tuple(found)


def labs_near(flops: float) -> tuple[Lab, ...]:
    """The labs' runs within a factor of two of a compute, at most three, the nearest; in the order of FLOPs."""
    near = {lab.name: abs(math.log(lab.train_flops / flops)) for lab in all_labs() if lab.tokens}
    chosen = sorted((name for name in near if near[name] <= math.log(NEAR_BUDGET)), key=lambda name: near[name])
    by_name = {lab.name: lab for lab in all_labs()}
    return tuple(sorted((by_name[name] for name in chosen[:MOST_LABS]), key=lambda lab: lab.train_flops))


def _scored(pool: Pool, spec: ArchSpec, choice: Candidate, tokens: float = 0.0) -> Scored:
    problem = pool.problem
    blind = problem.law.blind_to([spec, choice.spec])
    why = pool.standing.reason if not pool.ranked.any() else f"cannot tell {blind} apart" if blind else ""
    bounded = problem.training.bounded and not why
    return Scored(
        spec=spec,
        family=pool.family,
        candidate=None if why else _best(pool, spec, equal_loss(choice.loss.value)),
        in_budget=_best(pool, spec, WHOLE_BUDGET) if bounded else None,
        at_tokens=make_candidate(pool, 0, tokens, spec) if tokens and not why and pool.possible[0] else None,
        not_ranked=why,
        concerns=() if why else pool.standing.concerns,
    )


def _best(pool: Pool, spec: ArchSpec, goal: SearchGoal) -> Candidate | None:
    """The model under a goal; None where it is not feasible."""
    own = replace(pool, problem=goal.of(pool.problem))
    tokens, objective = tokens_and_objective(own, goal.minimised)
    endless = isinstance(goal.minimised, LeastCost) and tokens[0] > ALL_TEXT_TOKENS
    reached = math.isfinite(objective[0]) and not endless
    return make_candidate(own, 0, float(tokens[0]), spec) if reached else None


def _why(
    problem: Problem, pool: Pool, scored: Scored, choice: Candidate, lowest: Candidate | None
) -> tuple[str, ...]:
    """Where the gap comes from; where there is none to speak of, which limit binds."""
    if scored.not_ranked:
        return ()
    if scored.candidate is None:
        lines = _infeasible(problem, pool, choice)
    else:
        lines = dollar_reasons(problem, scored.candidate, choice)
    if scored.in_budget and lowest:
        lines += loss_reasons(problem, scored.in_budget, lowest)
    return lines + outside(problem, scored)


def outside(problem: Problem, scored: Scored) -> tuple[str, ...]:
    """What of a design no design of the space has: where it beats the choice, that is how."""
    space, family, spec = problem.space, scored.family, scored.spec
    words = []
    if family.num_experts not in space.num_experts:
        words.append("dense (--experts)" if family.dense else f"E = {family.num_experts} (--experts)")
    if not family.dense:
        if family.top_k not in space.top_k:
            words.append(f"top-{family.top_k} (--top-k)")
        if family.num_shared_experts not in space.num_shared_experts:
            words.append(f"{family.num_shared_experts} shared (--shared)")
    if family.attention not in space.attention:
        words.append(f"{family.attention} (--attention)")
    elif family.attention in GROUPED and family.num_kv_heads not in space.num_kv_heads:
        words.append(f"{family.num_kv_heads} key-value heads (--kv-heads)")
    if family.attention in space.attention:
        if family.window_tokens and family.window_tokens not in space.window_tokens:
            words.append(f"a window of {family.window_tokens:,} (--window)")
        if family.full_every > 1 and family.full_every not in space.full_every_of(family.attention):
            words.append(f"full attention every {ordinal(family.full_every)} layer (--full-every)")
    if family.full_every == 1 and not all(attends_to_everything(group.mixer) for group in spec.layers):
        words.append("layers of another kind than any of --attention")
    if spec.vocab_size != space.vocab_size:
        words.append(f"a vocabulary of {spec.vocab_size:,} (--vocab)")
    return (f"outside the space of this plan: {', '.join(words)}",) if words else ()


def _with_reason(problem: Problem, pool: Pool, scored: Scored) -> Scored:
    """A lab's design with the limit that keeps it from being served or trained, if one does."""
    if scored.at_tokens or scored.not_ranked:
        return scored
    return replace(scored, why=_limits(problem, pool))


def _infeasible(problem: Problem, pool: Pool, choice: Candidate) -> tuple[str, ...]:
    """Which limit keeps a model from reaching the choice's loss."""
    if not pool.possible[0]:
        return _limits(problem, pool)
    floor, needed = float(pool.curve.floor[0]), float(pool.tokens(choice.loss.value)[0])
    if math.isfinite(needed):
        words = f"{format_count(needed)} tokens would take it to {choice.loss.value:.3f}"
        return (f"{words}, more than all text of the web: its floor under the law is {floor:.3f}",)
    return (f"no number of tokens takes it to {choice.loss.value:.3f}: its floor under the law is {floor:.3f}",)


def _limits(problem: Problem, pool: Pool) -> tuple[str, ...]:
    """Which limit of memory or latency a model cannot keep; what would lift it."""
    try:
        return (explain_infeasible(problem, LowestLoss(), {pool.family: pool}),)
    except InputError as error:
        return (str(error),)


def moves_of(
    problem: Problem, scored: Scored, choice: Candidate, memory: PricedGrids = SHARED
) -> tuple[LocalMove, ...]:
    """Every local move of a scored design, scored again, what brings most first.

    All are priced together with the design itself, on the deployments that it and the choice are served by and
    those of the same kind with half and twice the GPUs; on all where it cannot be served.
    """
    moves = local_moves(scored.spec)
    near = _near_deployments(problem, [scored.candidate or scored.in_budget, choice])
    pools = given_pools(near, [scored.spec, *(spec for _, spec in moves)], memory)
    rows = [
        _scored(pool, spec, choice)
        for pool, spec in zip(pools, [scored.spec, *(spec for _, spec in moves)], strict=True)
    ]
    found = [_move(words, row, rows[0]) for (words, _), row in zip(moves, rows[1:], strict=True)]
    return tuple(sorted(found, key=lambda move: _rank(problem, move)))


def _near_deployments(problem: Problem, candidates: Iterable[Candidate | None]) -> Problem:
    used = [candidate.deployment for candidate in candidates if candidate]
    if len(used) < 2:
        return problem
    near = [
        one
        for one in problem.deployments
        if any(
            one.engine == own.engine
            and one.cluster.accelerator == own.cluster.accelerator
            and own.cluster.num_gpus / 2 <= one.cluster.num_gpus <= 2 * own.cluster.num_gpus
            for own in used
        )
    ]
    return replace(problem, deployments=tuple(near))


def _move(words: str, row: Scored, base: Scored) -> LocalMove:
    return LocalMove(
        words=words,
        spec=row.spec,
        candidate=row.candidate,
        in_budget=row.in_budget,
        gain_usd=_less(base.candidate, row.candidate, _usd),
        gain_gpu_hours=_less(base.candidate, row.candidate, _gpu_hours),
        gain_nats=_less(base.in_budget, row.in_budget, _loss),
    )


def _usd(one: Candidate) -> float:
    return one.total_usd


def _gpu_hours(one: Candidate) -> float:
    return one.training.gpu_hours + one.serve_gpu_hours


def _loss(one: Candidate) -> float:
    return one.loss.value


def _less(before: Candidate | None, after: Candidate | None, of: Callable[[Candidate], float]) -> float:
    return of(before) - of(after) if before and after else math.nan


def deciding_gain(problem: Problem, move: LocalMove) -> float:
    """What a change saves of what the question minimises: nats, dollars, or hours where all GPUs are owned."""
    if isinstance(problem.goal, LowestLoss):
        return move.gain_nats
    return move.gain_gpu_hours if problem.owned else move.gain_usd


def _rank(problem: Problem, move: LocalMove) -> tuple[bool, float]:
    """What brings most first; where nothing can be compared, by what it is itself."""
    by_loss = isinstance(problem.goal, LowestLoss)
    own = move.in_budget if by_loss else move.candidate
    if own is None:
        return True, 0.0
    gain = deciding_gain(problem, move)
    itself = _loss if by_loss else _gpu_hours if problem.owned else _usd
    return False, itself(own) if math.isnan(gain) else -gain
