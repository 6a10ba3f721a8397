"""Buffers that move by small steps: float32 or wider in every way in which a model comes into being."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class SteadyBuffers(nn.Module):
    """A module with buffers that keep float32, or wider, whatever type the model is of.

    A balancing bias moves by 1e-3 a step and a running mean by a hundredth of a difference: 16 bits lose such
    steps, or all their sum. So neither the default type, nor a cast or a move of the model, nor a state that is
    assigned to it makes these buffers narrower, and a cast of the model to 16 bits and back leaves their values.

    Attributes:
        steady: Names of the buffers.
    """

    steady: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a steady buffer's new tensor is widened (loading by assignment comes here)."""
        if name in self.steady and isinstance(value, Tensor):
            value = widened(value)
        super().__setattr__(name, value)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a buffer, a steady one in float32 or wider whatever the default type is."""
        if name in self.steady and tensor is not None:
            tensor = widened(tensor)
        super().register_buffer(name, tensor, persistent)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        for name in self.steady:  # tensors may have been swapped beneath their names
            if (buffer := self._buffers.get(name)) is not None:
                self._buffers[name] = widened(buffer)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "SteadyBuffers":
        """Move and cast like any module; the steady buffers are moved, not rounded."""
        before = {name: self._buffers.get(name) for name in self.steady}
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, exact in before.items():
            after = self._buffers.get(name)
            if exact is None or after is None:
                continue
            moved = after if exact.is_meta or after.is_meta else exact.to(after.device)
            self._buffers[name] = moved.to(torch.promote_types(after.dtype, torch.float32))
        return self


def steady_names(model: nn.Module) -> frozenset[str]:
    """Names of a model's steady buffers in its state."""
    modules = ((path, module) for path, module in model.named_modules() if isinstance(module, SteadyBuffers))
    return frozenset(f"{path}.{name}".lstrip(".") for path, module in modules for name in module.steady)


def widened(tensor: Tensor) -> Tensor:
    """The tensor in float32, or as it is where it is wider or not of floating point."""
    if not tensor.is_floating_point():
        return tensor
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
