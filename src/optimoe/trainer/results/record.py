"""What came of a run, counted."""

import platform
from dataclasses import dataclass

import torch

from optimoe import __version__
from optimoe.arch.flops import train_flops_per_token
from optimoe.arch.params import ParamCount, count_params
from optimoe.core.provenance import utc_now
from optimoe.core.run import RunRecord, RunSpec, RunStatus
from optimoe.trainer.checkpoints.state import Progress
from optimoe.trainer.evaluate import HeldOutLoss
from optimoe.trainer.setup import run_arch


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """What a run's model and tokens amount to.

    Attributes:
        run: Which.
        params: Of the model.
        flops_per_token: Of training, counted part by part on sequences of the run's length.
    """

    run: RunSpec
    params: ParamCount
    flops_per_token: float

    @classmethod
    def of(cls, run: RunSpec) -> "RunCounts":
        """The counts of a run."""
        arch = run_arch(run)
        flops = float(train_flops_per_token(arch, run.seq_len))
        return cls(run=run, params=count_params(arch), flops_per_token=flops)

    def tokens(self, steps: int) -> int:
        """Tokens trained on after so many steps, in whole sequences."""
        run = self.run
        sequences = -(-min(steps * run.batch_tokens, run.tokens) // run.seq_len)
        return sequences * run.seq_len


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
        train_flops=counts.flops_per_token * tokens,
        train_flops_6nd=flops_6nd,
        seconds=progress.seconds,
        tokens_per_s=per_s,
        mfu=counts.flops_per_token * per_s / peak_flops_per_s,
        loss=over.loss if over else None,
        bits_per_byte=over.bits_per_byte if over else None,
        curve=tuple(progress.curve),
        causal_training=causal_training,
        router=routing,
        versions={"optimoe": __version__, "torch": str(torch.__version__), "python": platform.python_version()},
        host=platform.node(),
        device=device,
        started_utc=progress.started_utc,
        ended_utc=utc_now(),
    )
