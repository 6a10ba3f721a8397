"""Modules without storage: on the meta device there is nothing to fill, so nothing is drawn either."""

from contextlib import contextmanager

DRAWS = ("normal_", "uniform_", "trunc_normal_", "fill_", "zero_", "erfinv_", "clamp_", "mul_", "add_")
"""Methods that fill a tensor in place, which leaves its shape as it is."""


@contextmanager
def without_storage():
    """Modules built inside have the shapes of all their tensors, and no values.

    Filling a tensor on the meta device writes nothing and takes two thirds of the time of building, as each draw
    passes through a decomposition written in Python; so a tensor that would be filled is given back as it is. A
    mode does this for what runs inside alone: a module that is imported meanwhile keeps PyTorch's own functions.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class WithoutDraws(TorchFunctionMode):
        def __torch_function__(self, function, types, arguments=(), options=None):
            fills = getattr(function, "__name__", "") in DRAWS and arguments and arguments[0].is_meta
            return arguments[0] if fills else function(*arguments, **(options or {}))

    with torch.device("meta") as device, WithoutDraws():
        yield device
