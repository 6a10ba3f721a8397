"""What stands behind an answer, side by side with the band that follows from it.

    width² = base² + Σ (what each side adds that was never measured)²

The base is the error on models that the fit did not see. A side that was measured end to end adds nothing. Of
kernels that were never measured on a GPU or in a precision, each part of the step adds its share of the time
times the error that such kernels have on an architecture left out: a step that waits for launches is uncertain
by launches, one that reads memory by the share of the bandwidth that kernels reach.
"""

import math
from dataclasses import dataclass

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.cost.engines.measured import Measured
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.serving.accuracy.amounts import Kind, Width, base, together
from optimoe.cost.serving.accuracy.case import Case, used_calibration
from optimoe.cost.serving.accuracy.operators import MeasuredStanding, known_gpu, same_gpu
from optimoe.cost.serving.accuracy.sides import Side, sides
from optimoe.cost.serving.estimate import Deployment, ServingEstimate


@dataclass(frozen=True, kw_only=True)
class AnswerEvidence:
    """What was measured of an answer's kind, and the bands.

    Attributes:
        asked: GPU, precision and engine of the answer, in words.
        calibration: Name of the calibration whose factors serve; empty where the shipped ones do.
        measured: Ends of the band of TPOT where every side was measured.
        sides: GPU, precision, engine, …: how each stands.
        nearest: The measured deployments that are nearest.
        tpot, ttft, e2e: Ends of the bands of the two latencies and of a whole request.
    """

    asked: str
    calibration: str
    measured: Width
    sides: tuple[Side, ...]
    nearest: Measured
    tpot: Width
    ttft: Width
    e2e: Width

    @property
    def unmeasured(self) -> tuple[Side, ...]:
        """The sides that were not measured end to end."""
        return tuple(side for side in self.sides if side.standing > MeasuredStanding.END_TO_END)

    def tpot_s(self, estimate: ServingEstimate) -> tuple[Values, Values]:
        """Ends of the time per output token."""
        return self.tpot.around(estimate.tpot_s)

    def ttft_s(self, estimate: ServingEstimate) -> tuple[Values, Values]:
        """Ends of the time to first token."""
        return self.ttft.around(estimate.ttft_s)

    def tokens_per_s(self, estimate: ServingEstimate) -> tuple[Values, Values]:
        """Ends of the output tokens per second: so many requests over the time of one."""
        return self.e2e.around_inverse(estimate.tokens_per_s)

    def usd_per_mtok(self, estimate: ServingEstimate) -> tuple[Values, Values]:
        """Ends of the price, which is in proportion to the time of a request."""
        return self.e2e.around(estimate.usd_per_mtok)


def evidence(arch: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> AnswerEvidence:
    """What stands behind a single estimate, and its bands."""
    case = Case.of(arch, deployment, estimate)
    found = sides(case)

    def width(kind: Kind) -> Width:
        return together(start(case, kind), *(side.width(kind) for side in found))

    return AnswerEvidence(
        asked=case.words,
        calibration=own.name if (own := used_calibration(case.engine)) else "",
        measured=start(case, "tpot"),
        sides=found,
        nearest=nearest(case),
        tpot=width("tpot"),
        ttft=width("ttft"),
        e2e=width("e2e"),
    )


def start(case: Case, kind: Kind) -> Width:
    """The band where all was measured: of models left out, or of a calibration's own held-out records.

    Of a whole request a calibration holds no errors: its two latencies', by their shares.
    """
    own = used_calibration(case.engine)
    if own is None:
        return base(kind)
    ends = {"tpot": Width(down=own.tpot[0], up=own.tpot[1]), "ttft": Width(down=own.ttft[0], up=own.ttft[1])}
    if kind in ends:
        return ends[kind]
    first, rest = ends["ttft"].times(case.ttft_share), ends["tpot"].times(1 - case.ttft_share)
    return Width(down=first.down + rest.down, up=first.up + rest.up)


def nearest(case: Case) -> Measured:
    """The measured deployments that share most with a case: its GPU before its precision before its engine."""

    def shared(row: Measured) -> tuple[float, ...]:
        return (
            same_gpu(case.gpu, row.gpu),
            row.precision in case.formats.values(),
            row.engine == case.engine.name,
            _alike(case.gpu, row),
            row.rows,
        )

    return max(case.measured, key=shared)


def _alike(gpu: Accelerator, row: Measured) -> float:
    """How near the bandwidth of the measured GPU is; it sets the pace of decoding."""
    known = known_gpu(row.gpu)
    return -abs(math.log(gpu.memory_bytes_per_s / known.memory_bytes_per_s)) if known else -math.inf
