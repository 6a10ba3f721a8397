"""The winner of a plan and its proxies as runs that a trainer takes."""

from dataclasses import asdict

from optimoe.arch.hf import to_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.run import RunLayout, RunSpec, Schedule
from optimoe.core.run.asked import PEAK_RATE
from optimoe.laws.prediction.rates import RuleValue, rule_value
from optimoe.planner.problem.training import BATCH_LAW, rule_batch
from optimoe.planner.result import Plan
from optimoe.planner.runs.proxies import PROXY_SHARE, ladder

RATE_LAW = BATCH_LAW
"""Peak rate over compute, by the same rule as the batch, which was fitted to runs of a proxy's size."""

WARMUP_SHARE = 0.01
"""Part of the tokens over which the rate rises (assumed)."""

WINNER = "winner"


def winner_run(plan: Plan) -> RunSpec:
    """The run that trains the winner, with the batch and layout of the plan where it has a cluster."""
    choice, run = plan.choice, plan.problem.training.run
    spec, tokens = choice.spec, round(choice.tokens)
    layout = RunLayout(**asdict(choice.training.layout)) if choice.training.layout is not None else None
    seq_len = plan.problem.training.seq_len
    return RunSpec(
        name=WINNER,
        architecture=to_config(spec),
        tokens=tokens,
        batch_tokens=choice.training.batch_tokens if layout else published_batch_tokens(spec, tokens, seq_len),
        seq_len=seq_len,
        schedule=_schedule(spec, tokens),
        precision=run.setup.precision if run else "bf16",
        layout=layout,
        source=_source(plan),
        notes=_notes(spec, tokens, "" if run else " and batch"),
    )


def proxy_runs(plan: Plan, share: float = PROXY_SHARE) -> tuple[RunSpec, ...]:
    """The proxies of :func:`optimoe.planner.runs.proxies.ladder` as runs, the smallest first.

    Raises:
        ConfigError: The share is not in (0, 1].
        InfeasibleError: Not even the smallest run fits the share.
    """
    run = plan.problem.training.run
    seq_len = plan.problem.training.seq_len
    return tuple(
        RunSpec(
            name=proxy.spec.name,
            architecture=to_config(proxy.spec),
            tokens=round(proxy.tokens),
            batch_tokens=published_batch_tokens(proxy.spec, round(proxy.tokens), seq_len),
            seq_len=seq_len,
            schedule=_schedule(proxy.spec, round(proxy.tokens)),
            precision=run.setup.precision if run else "bf16",
            source=_source(plan),
            notes=_notes(proxy.spec, round(proxy.tokens), " and batch"),
        )
        for proxy in ladder(plan.choice, plan.problem.space, share)
    )


def published_peak_rate(spec: ArchSpec, tokens: int) -> float:
    """Peak learning rate η = 1.1576·C^−0.1529, C the training FLOPs without embeddings.

    Source: Tian et al. 2025, arXiv 2507.17702, eq. 3; fitted on MoEs with 7.8 % of their experts active.
    """
    return _rate(spec, tokens).value


def published_batch_tokens(spec: ArchSpec, tokens: int, seq_len: int) -> int:
    """Batch of the rule of :func:`optimoe.planner.problem.training.rule_batch`; C as of the peak rate."""
    return rule_batch(_rate(spec, tokens).at["C"], seq_len)[0]


def _rate(spec: ArchSpec, tokens: int) -> RuleValue:
    return rule_value(PEAK_RATE, RATE_LAW, spec, tokens)


def _schedule(spec: ArchSpec, tokens: int) -> Schedule:
    return Schedule(peak_rate=published_peak_rate(spec, tokens), warmup_tokens=round(WARMUP_SHARE * tokens))


def _source(plan: Plan) -> str:
    law = plan.problem.law.row
    return f"optimoe plan on law {law.name}: {law.source}"


def _notes(spec: ArchSpec, tokens: int, batch: str) -> str:
    """Where the numbers come from that the plan itself does not choose."""
    return (
        f"Peak rate{batch} by {_rate(spec, tokens).words}; warm-up over {WARMUP_SHARE:.0%} of the tokens, "
        "shape of the schedule and optimizer are assumed; router and losses are the trainer's default."
    )
