"""Training steps of small models on a CPU, and what they take beyond products, experts and attention."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from optimoe.arch.parts import Attention, DenseFFN, FeedForward, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.run import Optimizer
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.here import fit_curve
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import TrainPrecision, TrainSetup
from optimoe.cost.training.step import TrainStep, train_step
from optimoe.models.decoder import build
from optimoe.models.losses import RunningReport
from optimoe.trainer.batches.loader import TokenBatch
from optimoe.trainer.probing.clock import best_s
from optimoe.trainer.steps.optimizers import make_optimizers
from optimoe.trainer.steps.step import Stepper

_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class SmallStep:
    """A step of a small model.

    Attributes:
        d_model: Its width.
        routed: Whether its feed-forwards are 8 experts, of which a token takes 2.
        num_layers: Its depth.
        vocab_size: Its vocabulary.
        sequences, seq_len: The batch.
    """

    d_model: int
    routed: bool
    num_layers: int = 2
    vocab_size: int = 257
    sequences: int = 8
    seq_len: int = 256

    @property
    def arch(self) -> ArchSpec:
        """The model, with heads of 32."""
        heads = self.d_model // 32
        ffn: FeedForward = DenseFFN(d_ff=3 * self.d_model)
        if self.routed:
            ffn = MoE(num_experts=8, top_k=2, d_expert=self.d_model)
        layers = LayerGroup(
            num_layers=self.num_layers, mixer=Attention(num_heads=heads, num_kv_heads=heads, head_dim=32), ffn=ffn
        )
        return ArchSpec(name="small", vocab_size=self.vocab_size, d_model=self.d_model, layers=(layers,))


STEPS = (
    SmallStep(d_model=64, routed=False),
    SmallStep(d_model=64, routed=True, sequences=8),
    SmallStep(d_model=128, routed=False, sequences=1),
    SmallStep(d_model=128, routed=True, vocab_size=1024, sequences=4),
    SmallStep(d_model=256, routed=True, sequences=1),
    SmallStep(d_model=256, routed=False, sequences=4),
)


def between_products(gpu: Accelerator, precision: TrainPrecision, steps: Sequence[SmallStep] = ()) -> KernelCurve:
    """The curve of all that lies between the products of a training step, on this CPU as it is.

    What measured steps take beyond the products, experts and attention that the machine's own curves predict of
    them, least squares of ln(predicted/measured) of the whole step.
    """
    steps = steps or STEPS
    seconds = np.array([step_s(step, precision) for step in steps])

    def predict(curve: KernelCurve) -> np.ndarray:
        own = replace(gpu, curves=gpu.curves | {"training": {precision: curve}})
        return np.array([float(predicted_step(own, step, precision).total_s) for step in steps])

    return fit_curve("training", predict, seconds)


def predicted_step(gpu: Accelerator, step: SmallStep, precision: TrainPrecision) -> TrainStep:
    """The step as the model of training has it, all sequences in one pass."""
    layout = TrainLayout(micro_batch=step.sequences)
    setup = TrainSetup(precision=precision)
    return train_step(gpu, step.arch, layout, setup, sequences=step.sequences, seq_len=step.seq_len)


def step_s(step: SmallStep, precision: TrainPrecision) -> float:
    """Seconds of a step as it is trained: forward, losses, backward, clipping, AdamW."""
    model = build(step.arch).train()
    stepper = Stepper(
        model=model,
        optimizers=make_optimizers(model, Optimizer()),
        balancer=None,
        report=RunningReport(),
        losses=model.config.losses,
        clip_norm=1.0,
        autocast=torch.bfloat16 if precision == "bf16" else torch.float32,
    )
    ids_BS = torch.randint(step.vocab_size, (step.sequences, step.seq_len + 1))
    half = torch.arange(step.seq_len).ge(step.seq_len // 2).long()
    batch = TokenBatch(ids_BS=ids_BS[:, :-1], target_BS=ids_BS[:, 1:], document_BS=half.expand(step.sequences, -1))
    return best_s(lambda: stepper([batch], 1e-4, "probe"), torch.device("cpu"), rounds=_ROUNDS)
