"""How a run is done on this machine: nothing here changes what is learned, but for the last digits of a sum."""

from dataclasses import dataclass
from typing import Literal

from optimoe.core.errors import require, require_nonnegative, require_positive, require_types

DeviceWord = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Where and how often; what is trained is the run's own.

    Attributes:
        device: ``auto`` takes a GPU where there is one.
        threads: Of a CPU; 0 leaves PyTorch's choice.
        micro_batch: Sequences of one pass; 0 takes the run's layout, or as many as logits of 1 GiB allow.
        ep: Ranks to which the experts of a layer are dealt, no layer being cut, whatever the run's layout says; 0
            takes the layout.
        checkpoint_minutes: Between checkpoints; there is always one at the end.
        checkpoint_steps: Between checkpoints, in steps besides; 0 for none.
        background_checkpoints: Whether training goes on while a checkpoint is written; it takes host memory of the
            size of one.
        keep: Checkpoints that are kept, the newest.
        keep_steps: Steps besides at which a checkpoint is made and kept, for runs that part from this one there.
        evaluations: Of the held-out loss along the run, evenly over its steps; one more after the last.
        eval_tokens: Held-out tokens of each source that are looked at, whole documents.
        recompute: Whether backward computes each block's activations again instead of keeping them.
        most_hours: Refuse runs that take more together, by a rehearsal before the first; 0 for no limit.
        compile: Whether the model is compiled; its first steps are slow, and its sums end in other digits.

    Raises:
        ConfigError: A number is out of its limits.
        UnknownNameError: No such device.
    """

    device: DeviceWord = "auto"
    threads: int = 0
    micro_batch: int = 0
    ep: int = 0
    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    background_checkpoints: bool = False
    keep: int = 2
    keep_steps: tuple[int, ...] = ()
    evaluations: int = 10
    eval_tokens: int = 262_144
    recompute: bool = False
    most_hours: float = 0.0
    compile: bool = False

    def __post_init__(self) -> None:
        require_types(self)
        require_nonnegative(self, "threads", "micro_batch", "ep", "checkpoint_steps", "evaluations", "most_hours")
        require_positive(self, "keep", "eval_tokens")
        require(min(self.keep_steps, default=1) > 0, "keep_steps", "positive", self.keep_steps)
        require(self.checkpoint_minutes > 0, "checkpoint_minutes", "positive", self.checkpoint_minutes)
