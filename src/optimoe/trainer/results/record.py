"""What came of a run, counted."""

import platform
from dataclasses import dataclass
from itertools import pairwise

import torch

from optimoe import __version__
from optimoe.arch.flops import prefill_flops, train_flops_per_token
from optimoe.arch.params import ParamCount, count_params
from optimoe.core.provenance import utc_now
from optimoe.core.run import RunRecord, RunSpec, RunStatus
from optimoe.trainer.checkpoints.state import Progress
from optimoe.trainer.evaluate import HeldOutLoss
from optimoe.trainer.setup import stage_archs


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """What a run's model and tokens amount to.

    Attributes:
        run: Which.
        params: Of the model, as it is after its last stage.
        flops_per_token: Of training in each stage, counted part by part on sequences of the run's length; a model
            that is distilled from adds its forward pass. Gradients that frozen parameters do not need are in it.
    """

    run: RunSpec
    params: ParamCount
    flops_per_token: tuple[float, ...]

    @classmethod
    def of(cls, run: RunSpec) -> "RunCounts":
        """The counts of a run."""
        archs = stage_archs(run)
        flops = [float(train_flops_per_token(arch, run.seq_len)) for arch in archs]
        for number, stage in enumerate(run.stages):
            if stage.distillation:
                flops[number] += float(prefill_flops(archs[max(0, number - 1)], run.seq_len).total)
        return cls(run=run, params=count_params(archs[-1]), flops_per_token=tuple(flops))

    def tokens(self, steps: int) -> int:
        """Tokens trained on after so many steps, in whole sequences."""
        run = self.run
        sequences = -(-min(steps * run.batch_tokens, run.tokens) // run.seq_len)
        return sequences * run.seq_len

    def flops(self, steps: int) -> float:
        """FLOPs of training for so many steps."""
        begins = (0, *self.run.stage_ends)
        done = [self.tokens(min(steps, end)) for end in begins]
        return sum(
            each * (stop - start) for each, (start, stop) in zip(self.flops_per_token, pairwise(done), strict=True)
        )


def make_record(
    run: RunSpec,
    counts: RunCounts,
    progress: Progress,
    status: RunStatus,
    held_out: HeldOutLoss | None,
    routing: dict[str, float],
    peak_flops_per_s: float,
    device: str,
    causal_training: bool,
) -> RunRecord:
    """The record of a run, every default of it written out.

    Args:
        run: As it was done.
        counts: Of its model.
        progress: How far it came.
        status: How it ended.
        held_out: The last held-out loss; none of a run that diverged.
        routing: Summaries of it.
        peak_flops_per_s: What utilisation is a share of.
        device: What it ran on.
        causal_training: Whether no training loss saw later tokens.
    """
    tokens, params = counts.tokens(progress.step), counts.params
    over = held_out if status != "diverged" else None
    per_s = tokens / progress.seconds if progress.seconds else 0.0
    flops = counts.flops(progress.step)
    flops_6nd = 6.0 * params.active * tokens
    return RunRecord(
        run=run,
        run_id=counts.run.run_id,
        status=status,
        params_total=params.total,
        params_active=params.active,
        params_nonembedding=params.nonembedding,
        params_active_nonembedding=params.active_nonembedding,
        tokens_seen=tokens,
        train_flops=flops,
        train_flops_6nd=flops_6nd,
        seconds=progress.seconds,
        tokens_per_s=per_s,
        mfu=flops / progress.seconds / peak_flops_per_s if progress.seconds else 0.0,
        loss=over.loss if over else None,
        bits_per_byte=over.bits_per_byte if over else None,
        curve=tuple(progress.curve),
        by_stage=tuple(progress.by_stage),
        causal_training=causal_training,
        router=routing,
        versions={"optimoe": __version__, "torch": str(torch.__version__), "python": platform.python_version()},
        host=platform.node(),
        device=device,
        started_utc=progress.started_utc,
        ended_utc=utc_now(),
    )
