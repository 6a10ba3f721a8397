"""What the ways to serve make of a choice: the memory that shuts better designs out, and what a format saves."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimoe.arch.precision.formats import BITS_PER_VALUE, PLAIN_FORMAT
from optimoe.arch.spec import ArchSpec
from optimoe.core.units import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    format_change,
    format_count,
    format_factor,
    format_usd,
)
from optimoe.cost.engines.served import formats_of_a_design
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, beyond_context
from optimoe.cost.sizing.feasibility import feasibility
from optimoe.planner.candidate import Candidate, make_candidate
from optimoe.planner.designs import Column
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.explain.spending import spent
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.result import Plan
from optimoe.planner.search.looked import Looked
from optimoe.planner.search.settle import settled_model

WORTH = 0.001
"""Share of the loss by which a design that memory shuts out must be better to be told: a tenth of the usual slack
of a plan (assumed)."""

MOSTLY_IDLE = 0.5
"""Share of whole deployments that lifetime tokens must use for their dollars to be near what a fleet of one's own
costs: below it that is more than twice as much (assumed)."""

MOST_GPUS = 4096
"""GPUs of the largest deployment that is asked what it would hold: more than any that serves one model."""


def serving_reasons(plan: Plan, looked: Looked, memory: PricedGrids = SHARED) -> tuple[str, ...]:
    """Sentences about the memory of the largest deployment and the format of the weights, where they decide."""
    return (*memory_cap(plan, looked), *plain_format(plan, memory))


def served_warnings(plan: Plan) -> tuple[str, ...]:
    """Say where requests are longer than models and a law's runs were made for, and where GPUs stand idle."""
    problem, workload = plan.problem, plan.problem.workload
    lines = [beyond_context(one.spec, workload) for one in plan.scored]
    context, trained = problem.context_tokens, problem.training.seq_len
    if context > trained:
        lines.append(
            f"context: requests of {context:,} tokens are longer than training sequences of {trained:,} "
            "(--seq-len): the stage that extends the context is not in the plan, nor is what it costs in loss"
        )
    return tuple(filter(None, (*lines, *_idle_fleet(plan))))


def _idle_fleet(plan: Plan) -> Iterator[str]:
    """Lifetime tokens paid by the fraction of a deployment, where whole ones cost more than twice that."""
    choice, traffic = plan.choice, plan.problem.traffic
    used = float(choice.fleet.utilisation)
    if traffic.rated or not traffic.lifetime_tokens or not 0 < used < MOSTLY_IDLE * traffic.utilisation:
        return
    hours = float(choice.fleet.num_gpus) * traffic.life_s / SECONDS_PER_HOUR
    price = choice.deployment.price.usd_per_gpu_hour
    alone = f"{hours:,.0f} GPU hours" if plan.problem.owned else format_usd(hours * price)
    rate = traffic.mean_tokens_per_s / plan.problem.workload.output_tokens
    days = traffic.life_s / SECONDS_PER_DAY
    times, billed = format_factor(traffic.utilisation / used), spent(plan, choice).words("serve")
    yield (
        f"serving is billed for the {used:.2g} of its {choice.fleet.num_gpus:,.0f} GPUs that the tokens use in "
        f"{days:,.4g} days: kept for them alone these cost {alone}, {times} the {billed}; "
        f"--requests-per-s {rate:.3g} --life-days {days:.4g} chooses for that"
    )


def plain_format(plan: Plan, memory: PricedGrids = SHARED) -> tuple[str, ...]:
    """What the choice would cost in bf16, where it is served in fewer bits and bf16 was looked at too."""
    choice, problem = plan.choice, plan.problem
    plain = tuple(one for one in problem.deployments if _format(one) == PLAIN_FORMAT)
    if not plain or _format(choice.deployment) == PLAIN_FORMAT:
        return ()
    own = _format(choice.deployment)
    pool = settled_model(replace(problem, deployments=plain), choice.spec, memory)
    if not pool.servable[0]:
        return (f"In {PLAIN_FORMAT} the same design fits none of these GPUs within the limits; {own} decides.",)
    other = make_candidate(pool, 0, choice.tokens, choice.spec)
    theirs, ours = spent(plan, other), spent(plan, choice)
    return (
        f"In {PLAIN_FORMAT} serving the same design costs {theirs.words('serve')} on {_fleet(other)} "
        f"({format_change(theirs.serve, ours.serve)}); what {own} costs in loss no law here knows.",
    )


def memory_cap(plan: Plan, looked: Looked) -> tuple[str, ...]:
    """Which designs the memory of the largest deployment shuts out, where one of them would reach a lower loss.

    Each design is taken to train as well as that of the lowest loss, on its own tokens of the budget; of those
    that would then be better the best one is looked at.
    """
    lowest, problem = plan.lowest_loss, plan.problem
    if lowest is None:
        return ()
    losses = _losses(looked, lowest)
    index = int(losses.argmin())
    best, loss = looked.at(index), float(losses[index])
    if loss > lowest.loss.value * (1 - WORTH) or any(_fits(best, one) for one in problem.deployments):
        return ()
    largest = max(problem.deployments, key=lambda one: _memory_bytes(one) / BITS_PER_VALUE[_format(one)])
    least = format_count(_least_that_does_not_fit(looked, largest))
    said = f"Memory decides: models of {least} and more do not fit {_gpus(largest)} in {_format(largest)}"
    holds = next((one.cluster.num_gpus for one in larger_deployments(largest) if _fits(best, one)), 0)
    if not holds:
        return (f"{said}.",)
    family, total = looked.listing.families[looked.listing.of_family[index]], looked.listing.params_total[index]
    reached = f"{family_words(family)} of {format_count(total)} would reach {loss:.3f}"
    return (f"{said}; with {holds}, {reached} instead of {lowest.loss.value:.3f}.",)


def _losses(looked: Looked, lowest: Candidate) -> Column:
    """Loss of every design on the whole budget, trained as well as one of them; infinite where not ranked."""
    problem, listing = looked.problem, looked.listing
    most = problem.data.unique_tokens if not problem.data.repeats else math.inf
    training, mfu = problem.training, lowest.training.mfu
    tokens = training.affordable_tokens(listing.params_active, mfu, listing.params_router)
    return np.where(looked.ranked, looked.loss(np.clip(tokens, 1.0, most)), np.inf)


def _least_that_does_not_fit(looked: Looked, deployment: Deployment) -> float:
    """Parameters of the smallest design that the memory does not hold, by bisection over their totals."""
    totals = looked.listing.params_total
    order = np.argsort(totals, kind="stable")
    low, high = -1, len(order) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(looked.at(int(order[middle])), deployment) else (low, middle)
    return float(totals[order[high]])


def _fits(spec: ArchSpec, deployment: Deployment) -> bool:
    """Whether the memory holds the weights and a request, whatever its latency."""
    return bool(np.any(feasibility(spec, replace(deployment, limits=Limits())).fits))


def larger_deployments(deployment: Deployment) -> Iterator[Deployment]:
    """A deployment with twice the GPUs, and again, as far as a network joins them."""
    cluster = deployment.cluster
    gpu, size = cluster.accelerator, 2 * cluster.num_gpus
    most = MOST_GPUS if gpu.inter_node_bytes_per_s > 0 else gpu.linked_gpus
    while size <= most:
        yield replace(deployment, cluster=replace(cluster, num_gpus=size))
        size *= 2


def _memory_bytes(deployment: Deployment) -> float:
    return deployment.cluster.num_gpus * deployment.cluster.accelerator.memory_bytes


def _format(deployment: Deployment) -> str:
    return formats_of_a_design(deployment.engine)[0]


def _fleet(candidate: Candidate) -> str:
    return f"{max(candidate.fleet.deployments, 1):,.0f} × ({_gpus(candidate.deployment)})"


def _gpus(deployment: Deployment) -> str:
    return f"{deployment.cluster.num_gpus} × {deployment.cluster.accelerator.name}"
