"""One optimiser step over its micro-batches."""

import math
from dataclasses import dataclass

import torch
from torch.distributed import ProcessGroup

from optimoe.core.errors import OptimoeError
from optimoe.models.config import LossConfig
from optimoe.models.decoder import Decoder, Output
from optimoe.models.losses import Balancer, RunningReport, Step, count_valid, training_loss
from optimoe.models.param_groups import clip_grad_norms
from optimoe.trainer.batches.loader import TokenBatch
from optimoe.trainer.parallel.sharding import Reduce
from optimoe.trainer.steps.optimizers import groups_of, set_rate


class DivergedError(OptimoeError):
    """A loss or gradient is no finite number; the text says at which step, and on which sequences."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step was like.

    Attributes:
        language: Cross-entropy, nats per target.
        total: With everything that is added to it.
        grad_norms: Before clipping, by group.
    """

    language: float
    total: float
    grad_norms: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Stepper:
    """What takes optimiser steps.

    Attributes:
        model: In training.
        optimizers: Of its parameters.
        balancer: Of its balancing biases; none where there is none.
        report: Of its routing.
        losses: Weights of what is added to the language loss.
        clip_norm: Largest norm of the gradient.
        autocast: The type that products are computed in; float32 for none.
        recompute: Whether backward computes activations again.
        group: The ranks that share a step; none is this process alone.
        reduce: Is told before each pass whether it is the step's last.
    """

    model: Decoder
    optimizers: list[torch.optim.Optimizer]
    balancer: Balancer | None
    report: RunningReport
    losses: LossConfig
    clip_norm: float
    autocast: torch.dtype = torch.float32
    recompute: bool = False
    group: ProcessGroup | None = None
    reduce: Reduce = lambda last: None

    def __call__(self, batches: list[TokenBatch], rate: float, where: str) -> StepResult:
        """Take a step.

        Args:
            batches: Its micro-batches.
            rate: Learning rate.
            where: The step and its sequences, for the error line.

        Raises:
            DivergedError: The loss or the gradient is no finite number; the weights are as they were.
        """
        step = Step([count_valid(one.target_BS, one.document_BS) for one in batches], self.group)
        if self.losses.scope == "step":
            with step.looking():
                for batch in batches:
                    step.look(self._forward(batch))
        for number, batch in enumerate(batches, 1):
            self.reduce(number == len(batches))
            output = self._forward(batch)
            loss = training_loss(output, batch.target_BS, self.losses, step)
            loss.total.backward()  # type: ignore[no-untyped-call]
            step.add(loss)
            self.report.add(output)
            if self.balancer is not None:
                self.balancer.add(output)
        norms = clip_grad_norms(groups_of(self.optimizers), self.clip_norm)
        value = step.value()
        result = StepResult(
            language=float(value.language),
            total=float(value.total),
            grad_norms={name: float(norm) for name, norm in norms.items()},
        )
        self._refuse_infinite(result, where)
        set_rate(self.optimizers, rate)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if self.balancer is not None:
            self.balancer.step()
        return result

    def _forward(self, batch: TokenBatch) -> Output:
        device, mixed = batch.ids_BS.device.type, self.autocast != torch.float32
        with torch.autocast(device, self.autocast, enabled=mixed):
            return self.model(batch.ids_BS, document_BS=batch.document_BS, recompute=self.recompute)

    def _refuse_infinite(self, result: StepResult, where: str) -> None:
        numbers = {"loss": result.total, **{f"gradient of {n}": v for n, v in result.grad_norms.items()}}
        for name, value in numbers.items():
            if not math.isfinite(value):
                for optimizer in self.optimizers:
                    optimizer.zero_grad()
                raise DivergedError(f"{where}: {name} must be finite, got {value}")
