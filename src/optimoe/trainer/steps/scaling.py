"""Loss scaling: gradients in float16 are those of a larger loss, and a step that overflows is skipped."""

from collections.abc import Iterable, Mapping

from torch import Tensor

START, LEAST = 2.0**16, 1.0
"""Factor of the loss at first, and the smallest: what overflows unscaled fits at no smaller one."""

STEADY_STEPS = 2000
"""Steps without an overflow after which the factor doubles; at each it halves (as ``torch.amp.GradScaler``)."""


class LossScaler:
    """The factor of a loss, a power of two, which rounds nothing (Micikevicius 2018, arXiv 1710.03740, Sec. 3.2).

    ``torch.amp.GradScaler`` decides for each optimiser by itself, and on each rank by the gradients that it holds.
    Here the norm over all optimisers and ranks, which is clipped by anyhow, decides for all of them.

    Attributes:
        scale: The factor.
        steady_steps: Since it last changed.
    """

    def __init__(self) -> None:
        self.scale, self.steady_steps = START, 0

    def unscale(self, parameters: Iterable[Tensor]) -> None:
        """Divide gradients by the factor; what overflowed stays infinite, or no number."""
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(1 / self.scale)

    @property
    def may_shrink(self) -> bool:
        """Whether a smaller factor is left to try."""
        return self.scale > LEAST

    def update(self, overflowed: bool) -> None:
        """Move the factor after a step."""
        self.steady_steps = 0 if overflowed else self.steady_steps + 1
        if overflowed:
            self.scale /= 2
        elif self.steady_steps == STEADY_STEPS:
            self.scale, self.steady_steps = 2 * self.scale, 0

    def state_dict(self) -> dict[str, float]:
        """What going on needs."""
        return {"scale": self.scale, "steady_steps": self.steady_steps}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from what :meth:`state_dict` gave; from the beginning where it is empty."""
        self.scale, self.steady_steps = state.get("scale", START), int(state.get("steady_steps", 0))
