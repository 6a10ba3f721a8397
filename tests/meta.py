"""Modules without storage: on the meta device there is nothing to fill, so nothing is drawn either."""

from contextlib import ExitStack, contextmanager
from unittest import mock


@contextmanager
def without_storage():
    """Modules built inside have the shapes of all their tensors, and no values.

    Filling a tensor on the meta device writes nothing and takes two thirds of the time of building, as each draw
    passes through a decomposition written in Python; so the functions of ``torch.nn.init`` return what they get.
    """
    import torch

    with ExitStack() as stack:
        for name in dir(torch.nn.init):
            if name.endswith("_") and not name.startswith("_"):
                stack.enter_context(mock.patch.object(torch.nn.init, name, lambda tensor, *_, **__: tensor))
        yield stack.enter_context(torch.device("meta"))
