"""JSON of the hardware and the budget of a training run."""

from dataclasses import dataclass

from optimoe.core.provenance import Basis
from optimoe.core.records import same_fields
from optimoe.planner.problem.training import GivenMfu, PredictedMfu, Training
from optimoe.report.records.deployment import (
    AcceleratorRecord,
    PriceRecord,
    accelerator_record,
    price_record,
)
from optimoe.report.records.training import TrainRunRecord, train_run_record


@dataclass(frozen=True, kw_only=True)
class GivenMfuRecord:
    """One model FLOPs utilisation for every design.

    Attributes:
        mfu: The utilisation: 6ND and what routing takes beyond it over the time at the bf16 peak.
        basis: How it is known: measured or assumed.
    """

    mfu: float
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class PredictedMfuRecord:
    """The utilisation of each design in its best layout, as the cost model predicts it.

    Attributes:
        scale: Measured over predicted utilisation of the user's own runs.
    """

    scale: float


@dataclass(frozen=True, kw_only=True)
class TrainingBudgetRecord:
    """Hardware and budget of the training run.

    Attributes:
        accelerator: The GPU.
        price: Price of a GPU hour.
        utilisation: Model FLOPs utilisation, given or predicted.
        run: Cluster, batch and trainer; null where nobody said on how many GPUs.
        budget_flops: Most FLOPs to spend, 6ND and what routing takes beyond it; null for no limit.
        budget_gpu_s: Most GPU-seconds to spend; null for no limit.
        routing_flops_per_weight: FLOPs of routing a training token, for each weight of the routers; 6ND holds 6.
    """

    accelerator: AcceleratorRecord
    price: PriceRecord
    utilisation: GivenMfuRecord | PredictedMfuRecord
    run: TrainRunRecord | None
    budget_flops: float | None
    budget_gpu_s: float | None
    routing_flops_per_weight: float


def training_budget_record(training: Training) -> TrainingBudgetRecord:
    """Hardware and budget of the training run."""
    return same_fields(
        TrainingBudgetRecord,
        training,
        accelerator=accelerator_record(training.accelerator),
        price=price_record(training.price),
        utilisation=utilisation_record(training.utilisation),
        run=train_run_record(training.run) if training.run else None,
    )


def utilisation_record(utilisation: GivenMfu | PredictedMfu) -> GivenMfuRecord | PredictedMfuRecord:
    """How well the hardware is used."""
    if isinstance(utilisation, GivenMfu):
        return same_fields(GivenMfuRecord, utilisation)
    return same_fields(PredictedMfuRecord, utilisation)
