"""Losses of training, with one mask and one denominator, and the biases that balance without a loss."""

from optimoe.models.losses.biases import Balancer, QuantileBalancer
from optimoe.models.losses.language import IGNORED
from optimoe.models.losses.report import RunningReport
from optimoe.models.losses.step import Step
from optimoe.models.losses.training import training_loss
from optimoe.models.losses.values import LayerLosses, NumValid, TrainingLoss, count_valid

__all__ = [
    "IGNORED",
    "Balancer",
    "LayerLosses",
    "NumValid",
    "QuantileBalancer",
    "RunningReport",
    "Step",
    "TrainingLoss",
    "count_valid",
    "training_loss",
]
