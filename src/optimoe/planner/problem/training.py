"""The training run: its hardware, its budget as people state one, and how well it uses the hardware."""

import math
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.arrays import Values
from optimoe.core.errors import require, require_positive
from optimoe.core.provenance import Basis, Estimate
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.training import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN
from optimoe.cost.training.estimate import TrainRun, hours_band
from optimoe.cost.training.setup import training_range
from optimoe.laws.catalog import find_law
from optimoe.laws.families.krajewski import ROUTING_FLOPS
from optimoe.laws.rules.leverage import Hyperparameters

BUDGET_TOLERANCE = 1e-9
"""Relative: a design that reaches the lowest loss itself must not fall to rounding."""

DEFAULT_MFU = 0.4
"""Assumed where none is stated and no cluster to predict it for."""

BATCH_LAW = "tian2025-hparams"
"""The published rule of the batch: the one that was fitted to mixtures of experts. At DeepSeek-V3's compute, four
decades beyond its runs, it gives 60M tokens for the 63M of that run."""

MOST_RULE_BATCH_TOKENS = 15_360 * 4096
"""Where the rule ends: the batch of DeepSeek-V3's run (arXiv 2412.19437, Sec. 4.2), the largest known here."""


@dataclass(frozen=True, kw_only=True)
class GivenMfu:
    """One model FLOPs utilisation for every design: 6ND and routing over the time at the bf16 peak.

    Attributes:
        mfu: The utilisation.
        basis: Measured where it is one's own, assumed otherwise.

    Raises:
        ConfigError: It is not in (0, 1].
    """

    mfu: float
    basis: Basis = Basis.ASSUMED

    def __post_init__(self) -> None:
        require(0 < self.mfu <= 1, "mfu", "above 0 and at most 1", self.mfu)

    def scaled(self, factor: float) -> "GivenMfu":
        """The utilisation times a factor, at most 1."""
        return replace(self, mfu=min(1.0, factor * self.mfu))


@dataclass(frozen=True, kw_only=True)
class PredictedMfu:
    """The utilisation of each design in its best layout, predicted by ``optimoe.cost.training``.

    Attributes:
        scale: Measured over predicted utilisation of one's own runs.

    Raises:
        ConfigError: The scale is not positive.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def scaled(self, factor: float) -> "PredictedMfu":
        """The prediction with its scale times a factor."""
        return replace(self, scale=factor * self.scale)

    def band(self, mfu: float) -> tuple[float, float]:
        """The range in which 90 % of published runs lie for a prediction like this one; at most 1."""
        low, high = training_range("mfu_error")
        return mfu / high, min(1.0, mfu / low)


@dataclass(frozen=True, kw_only=True)
class Training:
    """Hardware and budget of the training run; of two stated budgets both are kept.

    Attributes:
        accelerator: The GPU.
        price: Price of a GPU hour.
        utilisation: Given, or predicted for each design.
        run: Cluster, batch and trainer: a design that fits in its memory under no layout cannot be trained. None
            where nobody said on how many GPUs: then memory is not looked at, and the utilisation must be given.
        budget_flops: Most FLOPs to spend, 6ND and what routing takes beyond it; infinite for no limit.
        budget_gpu_s: Most GPU-seconds to spend; infinite for no limit.
        routing_flops_per_weight: c_r: FLOPs that training on a token takes for each weight of a router, six for
            the product with it (which 6ND holds) and the rest for what follows: softmax, choice, dispatch and
            combination. 14 is what Krajewski 2024 charges (arXiv 2402.07871, App. E: 6 to 20 by implementation);
            6 is the product alone, as the other laws count.

    Raises:
        ConfigError: A budget is not positive, routing takes less than its product, the run is on other GPUs, or
            there is none to predict for.
    """

    accelerator: Accelerator
    price: GpuPrice
    utilisation: GivenMfu | PredictedMfu = field(default_factory=lambda: GivenMfu(mfu=DEFAULT_MFU))
    run: TrainRun | None = None
    budget_flops: float = math.inf
    budget_gpu_s: float = math.inf
    routing_flops_per_weight: float = ROUTING_FLOPS

    def __post_init__(self) -> None:
        require_positive(self, "budget_flops", "budget_gpu_s")
        charged, least = self.routing_flops_per_weight, TRAIN_FLOPS_PER_PARAM_TOKEN
        limit = f"at least {least}, which the product with the router's matrix takes, and finite"
        require(least <= charged < math.inf, "routing_flops_per_weight", limit, charged)
        predicted = isinstance(self.utilisation, PredictedMfu)
        require(self.run is not None or not predicted, "train_gpus", "given to predict the utilisation", "none")
        if self.run is not None:
            asked = self.run.cluster.accelerator
            require(asked == self.accelerator, "train_gpus", self.accelerator.name, asked.name)

    @property
    def goodput(self) -> float:
        """Time that steps take over the time that is paid for; a given utilisation holds it already."""
        predicted = isinstance(self.utilisation, PredictedMfu) and self.run is not None
        return self.run.goodput if predicted and self.run is not None else 1.0

    @property
    def bounded(self) -> bool:
        """Whether a budget is stated."""
        return math.isfinite(min(self.budget_flops, self.budget_gpu_s))

    @property
    def budget_flops_about(self) -> float:
        """The budget in FLOPs at the given utilisation, or at the default one where each design has its own."""
        mfu = self.utilisation.mfu if isinstance(self.utilisation, GivenMfu) else DEFAULT_MFU
        return min(self.budget_flops, self.budget_gpu_s * self.accelerator.flops_per_s("bf16") * mfu)

    @property
    def seq_len(self) -> int:
        """Tokens of a training sequence: those of the run, the usual ones where no cluster is known."""
        return self.run.seq_len if self.run is not None else USUAL_SEQ_LEN

    def unbounded(self) -> "Training":
        """The training without any budget, on the same hardware."""
        return replace(self, budget_flops=math.inf, budget_gpu_s=math.inf)

    def flops(self, params_active: Values, tokens: Values) -> Values:
        """Training FLOPs by the laws' own convention, 6·N_act·D with both embeddings in N_act."""
        return TRAIN_FLOPS_PER_PARAM_TOKEN * params_active * tokens

    def routing_flops(self, params_router: Values, tokens: Values) -> Values:
        """What routing takes beyond 6·N_act·D: (c_r − 6)·N_router·D, N_router = Σ d·E over the routed layers.

        A budget pays it beside 6·N_act·D, so that many fine experts do not route for nothing. Where the
        utilisation is predicted, time and dollars are those of the step, whose kernels hold routing already.
        """
        return (self.routing_flops_per_weight - TRAIN_FLOPS_PER_PARAM_TOKEN) * params_router * tokens

    def given_mfu(self, mfu: float, params_active: Values, params_router: Values) -> Values:
        """6ND over the time, where one utilisation is given for all FLOPs, those of routing among them."""
        useful = self.flops(params_active, 1.0)
        return mfu * useful / (useful + self.routing_flops(params_router, 1.0))

    def gpu_s_per_token(self, params_active: Values, mfu: Values) -> Values:
        """GPU-seconds that one token takes: 6·N_act ÷ (bf16 peak · MFU · goodput)."""
        rate = self.accelerator.flops_per_s("bf16") * np.asarray(mfu) * self.goodput
        return self.flops(params_active, 1.0) / rate

    def gpu_s_band(self, gpu_s: float) -> Estimate:
        """GPU-seconds with the band of published runs' hours; no band where the utilisation is given."""
        if isinstance(self.utilisation, GivenMfu):
            return Estimate(value=gpu_s, low=math.nan, high=math.nan)
        return hours_band(gpu_s)

    def usd_per_token(self, params_active: Values, mfu: Values) -> Values:
        """Dollars that one token takes."""
        return self.gpu_s_per_token(params_active, mfu) * self.price.usd_per_gpu_s

    def affordable_tokens(self, params_active: Values, mfu: Values, params_router: Values = 0) -> Values:
        """Tokens that the whole budget trains: what FLOPs, routing's among them, and GPU time both allow."""
        per_token = self.flops(params_active, 1.0) + self.routing_flops(params_router, 1.0)
        by_flops = self.budget_flops / per_token
        return np.minimum(by_flops, self.budget_gpu_s / self.gpu_s_per_token(params_active, mfu))


def rule_batch(train_flops: float, seq_len: int) -> tuple[int, str]:
    """Tokens of a step that a published rule gives for a budget, in whole sequences, and where they are from.

    0.0694·C^0.3644 tokens, C the training FLOPs (Tian et al. 2025, arXiv 2507.17702, eq. 3, where C leaves the
    embeddings out), at most :data:`MOST_RULE_BATCH_TOKENS`. Without a budget a usual batch, which is assumed.
    """
    if not math.isfinite(train_flops):
        return round(USUAL_BATCH_TOKENS / seq_len) * seq_len, "assumed: no budget to scale it with"
    law = _batch_law()
    wanted = float(law.batch_tokens(C=train_flops))
    batch = max(1, round(min(wanted, MOST_RULE_BATCH_TOKENS) / seq_len)) * seq_len
    rule = f"0.0694·C^0.3644 tokens, {law.row.source}, C = {train_flops:.3g}"
    decades = float(law.decades_outside({"C": train_flops})["C"])
    beyond = f", {abs(decades):.1f} decades {'beyond' if decades > 0 else 'below'} its runs" if decades else ""
    ends = f"; ends at {MOST_RULE_BATCH_TOKENS:,}, DeepSeek-V3's batch" if wanted > MOST_RULE_BATCH_TOKENS else ""
    return batch, f"{rule}{beyond}{ends}"


@cache
def _batch_law() -> Hyperparameters:
    law = find_law(BATCH_LAW)
    assert isinstance(law, Hyperparameters)
    return law


def gpu_time_s(num_gpus: int, days: float) -> float:
    """GPU-seconds of so many GPUs over so many days.

    Raises:
        ConfigError: The days are not positive.
    """
    require(days > 0, "train_days", "positive", days)
    return num_gpus * days * SECONDS_PER_DAY
