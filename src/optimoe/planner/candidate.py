"""One design of a plan with its numbers: what it is made of, its loss, its training run and how it is served."""

import math
from dataclasses import dataclass

from optimoe.arch.memory import main_format
from optimoe.arch.params import ParamCount, count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import map_numbers, take
from optimoe.core.provenance import Estimate
from optimoe.core.units import SECONDS_PER_HOUR, format_count, format_usd
from optimoe.cost.hardware.energy import energy_kwh, kwh_per_mtok
from optimoe.cost.serving.accuracy.evidence import AnswerEvidence, evidence
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.training.layout import TrainLayout, staged, step_sequences
from optimoe.planner.designs import Pool
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.traffic import LifetimeServing, Traffic


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """What the training run of one design takes.

    Attributes:
        flops: C = 6·N_act·D, by the laws' own convention.
        routing_flops: What routing takes beyond that, which the budget pays too.
        mfu: Model FLOPs utilisation: 6ND over the time at the bf16 peak.
        gpu_s: GPU-seconds that are paid for, C ÷ (bf16 peak · MFU · goodput).
        gpu_s_low, gpu_s_high: In which published runs lie for a prediction like this one; NaN for a given MFU.
        usd: Dollars at the price of a GPU hour.
        layout: The best layout that fits in memory; None where the cluster is not known.
        batch_tokens: Tokens of a step in that layout; 0 without one.
        idle_gpus: GPUs of the cluster that the layout leaves idle; they are paid.
        energy_kwh: Energy of the GPUs' boards times PUE; NaN where the board's power is not known.
    """

    flops: float
    routing_flops: float
    mfu: float
    gpu_s: float
    gpu_s_low: float
    gpu_s_high: float
    usd: float
    layout: TrainLayout | None
    batch_tokens: int = 0
    idle_gpus: int = 0
    energy_kwh: float = math.nan

    @property
    def gpu_hours(self) -> float:
        """GPU time in hours."""
        return self.gpu_s / SECONDS_PER_HOUR

    @property
    def gpu_hours_band(self) -> Estimate:
        """GPU time in hours, with its band; NaN bounds for a given MFU."""
        low, high = (bound / SECONDS_PER_HOUR for bound in (self.gpu_s_low, self.gpu_s_high))
        return Estimate(value=self.gpu_hours, low=low, high=high)

    @property
    def usd_band(self) -> Estimate:
        """Dollars at the price of a GPU hour, with the band of the hours."""
        low, high = (self.usd * bound / self.gpu_s for bound in (self.gpu_s_low, self.gpu_s_high))
        return Estimate(value=self.usd, low=low, high=high)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One design of a plan, made of its parts; the flat keys of JSON are made by the record alone.

    Attributes:
        spec: The model.
        params: Its parameters by part.
        family: What it shares with designs that differ in width and depth alone.
        tokens: Training tokens, repeated ones counted again.
        passes: Training tokens over the distinct ones at hand; 0 where those are not limited.
        loss: Nats per token, with the law's band; NaN bounds where the law's fit error is not known.
        training: What its training run takes.
        deployment: The cheapest way to serve it, of those of the problem.
        serving: Layout, latency, throughput and price there.
        fleet: The deployments of it that carry the traffic, and their dollars.
        decades_beyond: How far outside the law's fitted range, |log10| by the law's symbols; 0 inside.
        assumed: Whether the law reads the design by a mapping, which widens the band of its loss.
    """

    spec: ArchSpec
    params: ParamCount
    family: Family
    tokens: float
    passes: float
    loss: Estimate
    training: TrainingCost
    deployment: Deployment
    serving: ServingEstimate
    fleet: LifetimeServing
    decades_beyond: dict[str, float]
    assumed: bool

    def __repr__(self) -> str:
        """The decisive numbers in one line."""
        experts, sizes = f"E={self.family.num_experts}, k={self.family.top_k}", self.params
        dollars = f"{format_usd(self.train_usd)} training + {format_usd(self.serve_usd)} serving"
        return (
            f"Candidate({experts}, {format_count(sizes.active)} active of {format_count(sizes.total)}, "
            f"{format_count(self.tokens)} tokens, loss {self.loss.value:.3f}, {dollars})"
        )

    @property
    def ttft_s(self) -> float:
        """Mean time to the first token."""
        return float(self.serving.ttft_s)

    @property
    def tpot_s(self) -> float:
        """Mean time per output token after the first."""
        return float(self.serving.tpot_s)

    @property
    def served_in(self) -> str:
        """Format of most of the weights while serving."""
        return main_format(self.deployment.serves(self.spec))

    @property
    def evidence(self) -> AnswerEvidence:
        """What was measured of the deployment's kind, and the bands that follow."""
        return evidence(self.spec, self.deployment, self.serving)

    @property
    def tpot_band_s(self) -> Estimate:
        """Seconds per output token with the band of the cost model's error."""
        low_s, high_s = self.evidence.tpot_s(self.serving)
        return Estimate(value=self.tpot_s, low=float(low_s), high=float(high_s))

    @property
    def kwh_per_mtok(self) -> float:
        """Energy per million output tokens of deployments always full; NaN where a board's power is not known."""
        return float(kwh_per_mtok(self.deployment.cluster, float(self.serving.tokens_per_s)))

    @property
    def usd_per_mtok(self) -> float:
        """Dollars per million output tokens."""
        return float(self.serving.usd_per_mtok)

    @property
    def train_usd(self) -> float:
        """The dollars of the training run."""
        return self.training.usd

    @property
    def serve_usd(self) -> float:
        """Dollars of the GPUs that serve over the model's life."""
        return float(self.fleet.usd)

    @property
    def total_usd(self) -> float:
        """Dollars of training and of serving over the model's life."""
        return self.train_usd + self.serve_usd

    @property
    def serve_gpu_hours(self) -> float:
        """GPU hours that serve over the model's life."""
        return float(self.fleet.gpu_hours)


def make_candidate(pool: Pool, index: int, tokens: float, given: ArchSpec | None = None) -> Candidate:
    """The numbers of one design of a pool, evaluated by the same code as the grid.

    Args:
        pool: The designs.
        index: Which of them.
        tokens: Training tokens.
        given: The design as its owner stacked its layers; left out, as its family stacks them.
    """
    problem = pool.problem
    spec = given or problem.space.stacked(pool.family, pool.grid.at(index))
    cheapest, params = int(pool.cheapest[index]), count_params(spec)
    deployment, serving = problem.deployments[cheapest], take(pool.servings[cheapest], index)
    loss = float(problem.law.arch_curve(spec).loss(problem.data.worth(tokens)))
    low, high = problem.law.band(loss, spec, tokens)
    beyond = problem.law.decades_beyond(spec, tokens)
    return Candidate(
        spec=spec,
        params=params,
        family=pool.family,
        tokens=tokens,
        passes=tokens / problem.data.unique_tokens,
        loss=Estimate(value=loss, low=float(low), high=float(high)),
        training=_training_cost(pool, index, spec, tokens),
        deployment=deployment,
        serving=serving,
        fleet=_fleet(problem.traffic, deployment, serving),
        decades_beyond={symbol: float(decades) for symbol, decades in beyond.items()},
        assumed=bool(problem.law.judge(spec).assumed),
    )


def _fleet(traffic: Traffic, deployment: Deployment, serving: ServingEstimate) -> LifetimeServing:
    """The deployments of one design that carry the traffic."""
    fleet = traffic.served(
        tokens_per_s=serving.tokens_per_s,
        num_gpus=deployment.cluster.num_gpus,
        usd_per_gpu_hour=deployment.price.usd_per_gpu_hour,
    )
    return map_numbers(fleet, float)


def _training_cost(pool: Pool, index: int, spec: ArchSpec, tokens: float) -> TrainingCost:
    """What a design of a pool takes to train on so many tokens."""
    training, params = pool.problem.training, count_params(spec)
    run, layout = training.run, pool.training.layout(index)
    mfu = float(pool.training.mfu[index])
    gpu_s = float(training.gpu_s_per_token(params.active, mfu)) * tokens
    band = training.gpu_s_band(gpu_s)
    split = {}
    if run is not None and layout is not None:
        split = {
            "batch_tokens": int(step_sequences(layout, run.sequences)) * run.seq_len,
            "idle_gpus": int(run.cluster.num_gpus - layout.num_gpus),
        }
    return TrainingCost(
        flops=float(training.flops(params.active, tokens)),
        routing_flops=float(training.routing_flops(params.router, tokens)),
        mfu=mfu,
        gpu_s=gpu_s,
        gpu_s_low=band.low,
        gpu_s_high=band.high,
        usd=gpu_s * training.price.usd_per_gpu_s,
        layout=None if layout is None else staged(spec, layout),
        energy_kwh=float(energy_kwh(gpu_s / SECONDS_PER_HOUR, training.accelerator)),
        **split,
    )
