"""A model whose initial weights are drawn where its shards are, so that no process ever holds all of them."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from optimoe.models.decoder import Decoder
from optimoe.models.initial import write_alike

_Fill = tuple[Any, tuple[Any, ...], dict[str, Any]]


class DeferredWeights:
    """What fills the tensors of a model, in the order in which a process alone does it.

    :func:`defer` makes one. Random numbers come from one stream, so that each rank draws all of them, one tensor
    after the other, and keeps its part: the weights are those of a process alone, bit by bit, and a rank holds its
    shards and one whole tensor at most.

    Attributes:
        model: On the meta device, but for tables that are no weights.
    """

    def __init__(self, model: Decoder, fills: list[tuple[Tensor, _Fill]]) -> None:
        self.model, self._random = model, torch.get_rng_state()
        names = {id(tensor): name for name, tensor in _tensors(model)}
        self._fills = [(names.get(id(tensor), ""), tensor.shape, tensor.dtype, fill) for tensor, fill in fills]
        self._held = {name: tensor for name, tensor in _tensors(model) if not tensor.is_meta}

    @torch.no_grad()
    def fill(self, device: torch.device, drawn: bool = True) -> None:
        """Put initial weights into the model, which may have been shared over ranks since.

        Args:
            device: Where this rank's shards are.
            drawn: Whether random weights are wanted; otherwise others are loaded after this.
        """
        self.model.to_empty(device=device)
        if self.model.arch.tied_embeddings:
            self.model.unembedding.weight = self.model.embedding.weight
        targets = dict(_tensors(self.model))
        last = {name: number for number, (name, *_) in enumerate(self._fills)}
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            for number, (name, shape, dtype, (function, args, kwargs)) in enumerate(self._fills):
                random = function in _RANDOM
                if drawn if random else last[name] == number:
                    whole = torch.empty(shape, dtype=dtype, device="cpu")
                    function(whole, *args, **kwargs)
                    if name and last[name] == number:
                        _keep(targets[name], whole)
        for name, tensor in self._held.items():
            _keep(targets[name], tensor)


def defer(build: Callable[[], Decoder]) -> DeferredWeights:
    """A model that is not filled yet, its random numbers beginning where PyTorch's are now.

    Args:
        build: Makes it on the CPU.
    """
    fills: list[tuple[Tensor, _Fill]] = []
    state = torch.get_rng_state()
    with _EmptyIsMeta(), _Recorded(fills):
        model = build()
        with torch.no_grad():
            write_alike(model, model.arch.d_model, len(model.blocks), model.config)
    assert torch.equal(torch.get_rng_state(), state), "a random number was drawn outside of a weight"
    return DeferredWeights(model, fills)


_RANDOM = (torch.ops.aten.normal_.default, torch.ops.aten.uniform_.default)
_FILLS = (*_RANDOM, torch.ops.aten.zero_.default, torch.ops.aten.fill_.Scalar, torch.ops.aten.copy_.default)


class _EmptyIsMeta(TorchFunctionMode):
    """What is allocated to be filled later is on the meta device, where no device is stated."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty and kwargs.get("device") is None:
            kwargs = kwargs | {"device": "meta"}
        return func(*args, **kwargs)


class _Recorded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes what fills tensors of the meta device."""

    def __init__(self, fills: list[tuple[Tensor, _Fill]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._fills = fills

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if isinstance(args[0] if args else None, Tensor) and args[0].is_meta and func in _FILLS:
            self._fills.append((args[0], (func, args[1:], kwargs or {})))
            return args[0]
        return func(*args, **(kwargs or {}))


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _keep(target: Tensor, whole: Tensor) -> None:
    """Copy what this rank has of a tensor."""
    if not isinstance(target, DTensor):
        target.copy_(whole)
        return
    local = target.to_local()
    if local.numel():
        (chunk,) = target.__create_chunk_list__()  # type: ignore[no-untyped-call]
        at = tuple(slice(start, start + size) for start, size in zip(chunk.offsets, chunk.sizes, strict=True))
        local.copy_(whole[at])
