"""Who watches a run: what is told after every step, and to whom."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from optimoe.core.run import RunSpec


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """Where a run is, for who watches it.

    Attributes:
        step, steps: Done, and in all.
        tokens: Trained on.
        loss: Of the last step, nats per token.
        held_out: The last held-out loss, or none.
        tokens_per_s, mfu: Of the last step.
    """

    step: int
    steps: int
    tokens: int
    loss: float
    held_out: float | None
    tokens_per_s: float
    mfu: float

    @property
    def curves(self) -> dict[str, float]:
        """What is drawn of the step, by name."""
        drawn = {"loss/train": self.loss, "speed/tokens_per_s": self.tokens_per_s, "speed/mfu": self.mfu}
        return drawn | ({} if self.held_out is None else {"loss/held_out": self.held_out})


Watch = Callable[[StepReport], None]
"""What is told after every step."""

Watching = Callable[[RunSpec], AbstractContextManager[Watch]]
"""What shows a run while it is trained."""


@contextmanager
def unwatched(_: RunSpec) -> Iterator[Watch]:
    """Show nothing of a run."""
    yield lambda _: None
