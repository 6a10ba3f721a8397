"""Where a choice's own band, or the use of what serves it, leaves what was stated."""

import math
from collections.abc import Iterator

from optimoe.core.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, format_factor, format_usd
from optimoe.cost.training.setup import usual_hours_ratio
from optimoe.planner.explain.spending import spent
from optimoe.planner.problem.training import BUDGET_TOLERANCE
from optimoe.planner.result import Plan

MOSTLY_IDLE = 0.5
"""Share of whole deployments that lifetime tokens must use for their dollars to be near what a fleet of one's own
costs: below it that is more than twice as much (assumed)."""


def overrun_warnings(plan: Plan) -> tuple[str, ...]:
    """A training that may take longer than its budget, and deployments that the tokens leave mostly idle."""
    return (*_longer_training(plan), *_idle_fleet(plan))


def _longer_training(plan: Plan) -> Iterator[str]:
    """Training whose hours pass the budget within their band, where they are predicted."""
    training, own = plan.problem.training, plan.choice.training
    budget = training.budget_gpu_s
    if training.run is None or math.isinf(budget) or not own.gpu_s_high > budget * (1 + BUDGET_TOLERANCE):
        return
    gpus, ratio = training.run.cluster.num_gpus, usual_hours_ratio()
    days, most, stated = (gpu_s / gpus / SECONDS_PER_DAY for gpu_s in (own.gpu_s, own.gpu_s_high, budget))
    yield (
        f"training may overrun its budget of {stated:,.1f} days on {gpus:,} GPUs: {days:,.1f} predicted, "
        f"{ratio * days:,.1f} if it goes as labs' own runs do in the median, {most:,.1f} at the end of the band"
    )


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
