"""One optimiser step over its micro-batches."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from optimoe.core.errors import OptimoeError
from optimoe.core.run import RunSpec
from optimoe.models.config import LossConfig
from optimoe.models.convert.lifelong import distillation_loss
from optimoe.models.decoder import Decoder, Output
from optimoe.models.losses import Balancer, RunningReport, Step, count_valid, training_loss
from optimoe.models.losses.language import IGNORED
from optimoe.models.losses.ranks import all_over_ranks
from optimoe.models.param_groups import clip_grad_norms
from optimoe.trainer.batches.loader import TokenBatch
from optimoe.trainer.device import product_type, products_in
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.parallel.sharding import Reduce, average_buffers
from optimoe.trainer.steps.optimizers import groups_of, make_optimizers, set_rate
from optimoe.trainer.steps.scaling import LossScaler


class DivergedError(OptimoeError):
    """A loss or gradient is no finite number; the text says at which step, and on which sequences."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step was like.

    Attributes:
        language: Cross-entropy, nats per target.
        total: With everything that is added to it.
        grad_norms: Before clipping, by group; none of a step that was skipped.
        skipped: Whether its gradient overflowed in float16, so that weights and moments are as they were.
    """

    language: float
    total: float
    grad_norms: dict[str, float]
    skipped: bool = False


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
        previous: The model whose outputs are distilled from; none for none.
        distillation: Weight of that loss.
        scaler: Of the loss, in float16; none in a type whose gradients neither vanish nor overflow.
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
    previous: Decoder | None = None
    distillation: float = 0.0
    scaler: LossScaler | None = None

    @classmethod
    def of(
        cls,
        run: RunSpec,
        model: Decoder,
        how: TrainOptions,
        group: ProcessGroup | None = None,
        reduce: Reduce = lambda last: None,
        previous: Decoder | None = None,
        distillation: float = 0.0,
    ) -> "Stepper":
        """The steps of a run on a model, with optimisers whose moments are zero.

        Raises:
            ConfigError: The run's precision is none that is trained in.
        """
        balanced = any(router.config.balanced_by_bias for router in model.routers.values())
        return cls(
            model=model,
            optimizers=make_optimizers(model, run.optimizer),
            balancer=Balancer(model, run.bias_rate, group=group) if balanced else None,
            report=RunningReport(group),
            losses=model.config.losses,
            clip_norm=run.optimizer.clip_norm,
            autocast=product_type(run),
            recompute=how.recompute,
            group=group,
            reduce=reduce,
            previous=previous,
            distillation=distillation,
            scaler=LossScaler() if run.precision == "fp16" else None,
        )

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
                    step.look(self._forward(batch, self.model))
        distilled = []
        for number, batch in enumerate(batches, 1):
            self.reduce(number == len(batches))
            output = self._forward(batch, self.model)
            loss = training_loss(output, batch.target_BS, self.losses, step)
            total = loss.total
            if self.previous is not None:
                distilled.append(self._distillation(output, batch, self.previous, step))
                total = total + step.num_ranks * distilled[-1]
            scaled = total if self.scaler is None else self.scaler.scale * total
            scaled.backward()  # type: ignore[no-untyped-call]
            step.add(loss)
            self.report.add(output)
            if self.balancer is not None:
                self.balancer.add(output)
        norms = self._clipped_norms()
        value = step.value()
        skipped = (
            self.scaler is not None and self.scaler.may_shrink and not all(map(math.isfinite, norms.values()))
        )
        result = StepResult(
            language=float(value.language),
            total=float(value.total)
            + sum(map(float, all_over_ranks([one.detach() for one in distilled], self.group))),
            grad_norms={} if skipped else norms,
            skipped=skipped,
        )
        self._refuse_infinite(result, where)
        set_rate(self.optimizers, rate)
        for optimizer in self.optimizers:
            if not skipped:
                optimizer.step()
            optimizer.zero_grad()
        if self.scaler is not None:
            self.scaler.update(skipped)
        if self.balancer is not None:
            self.balancer.step()
        average_buffers(self.model, self.group)
        return result

    def _clipped_norms(self) -> dict[str, float]:
        """Norms of the gradients before they were clipped, by group."""
        groups = groups_of(self.optimizers)
        if self.scaler is not None:
            self.scaler.unscale(parameter for group in groups for parameter in group["params"])
        return {name: float(norm) for name, norm in clip_grad_norms(groups, self.clip_norm).items()}

    def _forward(self, batch: TokenBatch, model: Decoder) -> Output:
        recompute = self.recompute and model is self.model
        with products_in(self.autocast, batch.ids_BS.device):
            return model(batch.ids_BS, document_BS=batch.document_BS, recompute=recompute)

    def _distillation(self, output: Output, batch: TokenBatch, previous: Decoder, step: Step) -> Tensor:
        """A micro-batch's share of the weighted divergence from the previous model, a mean over targets."""
        with torch.no_grad():
            before_BSV = self._forward(batch, previous).logits_BSV
        real_BS = (batch.target_BS != IGNORED) & (batch.document_BS >= 0)
        if not real_BS.any():  # of a rank that has no sequence left
            return output.logits_BSV.sum() * 0
        loss = distillation_loss(output.logits_BSV[real_BS], before_BSV[real_BS])
        return self.distillation * real_BS.sum() / step.num_valid.targets * loss

    def _refuse_infinite(self, result: StepResult, where: str) -> None:
        numbers = {"loss": result.total, **{f"gradient of {n}": v for n, v in result.grad_norms.items()}}
        for name, value in numbers.items():
            if not math.isfinite(value):
                for optimizer in self.optimizers:
                    optimizer.zero_grad()
                raise DivergedError(f"{where}: {name} must be finite, got {value}")
