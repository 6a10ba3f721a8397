"""A model over ranks: which of them holds which part of a weight, and when gradients are summed."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, distributed, nn
from torch.distributed import ProcessGroup
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from optimoe.core.errors import require
from optimoe.core.run import RunLayout
from optimoe.models.convert.lifelong import GrownRows
from optimoe.models.decoder import Decoder
from optimoe.models.experts.layer import Experts
from optimoe.models.losses.ranks import all_over_ranks
from optimoe.models.moe import MoELayer
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import Router
from optimoe.trainer.parallel.exchange import Exchange, joined_rows
from optimoe.trainer.parallel.ranks import Ranks

Reduce = Callable[[bool], None]
"""Is told before each pass of a step whether it is the last, after which gradients must be whole."""


_PRECISE = (nn.RMSNorm, nn.LayerNorm, Router, PEERLayer)
"""Parts of a block that compute in float32 whatever the type of its products."""


def spread_model(model: Decoder, ranks: Ranks, layout: RunLayout, products: torch.dtype = torch.float32) -> Reduce:
    """Put a model, the same on all ranks, where it trains, in place.

    Over several ranks this is FSDP2 (``torch.distributed.fsdp.fully_shard``), a unit for each block, in all stages
    of ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054). 0: every rank has all. 1: weights and optimiser states are
    shared, weights gathered for a pass and gradients summed once a step. 2: gradients are shared too, and summed
    after every pass. 3: weights are gathered anew for each block and pass. Experts are dealt to ``ep`` ranks
    first, and shared in this way among the ranks that were dealt the same ones.

    What is gathered has the type that it is used in: matrices that of products, so that bfloat16 moves half the
    bytes and numbers stay those of autocast; embeddings, norms, routers and tables of PEER float32. Weights,
    moments and sums of gradients are float32.

    A process alone holds everything, whatever the layout says: what is learned is the same.

    Args:
        model: With its initial weights, on a CPU; or on the meta device, to be filled after this.
        ranks: That train it.
        layout: Theirs (:func:`~optimoe.trainer.parallel.layouts.layout_here`).
        products: Type of matrix products, under autocast.

    Returns:
        What to call before each pass.

    Raises:
        ConfigError: Experts cannot be dealt evenly.
    """
    if ranks.group is None:
        model.to(ranks.device)
        return lambda last: None
    if layout.ep > 1:
        _deal_experts(model, ranks, layout, products)
    mesh = _mesh(ranks, layout.zero, 1)
    for block in model.blocks:
        if products != torch.float32:
            _share(_precise_parts(block), mesh, layout.zero)
        _share([block], mesh, layout.zero, products)
    if not model.arch.tied_embeddings:
        _share([model.unembedding], mesh, layout.zero, products)
    _share([model], mesh, layout.zero)
    early = layout.zero >= 2
    whole = cast(FSDPModule, model)
    return lambda last: whole.set_requires_gradient_sync(early or last)


@torch.no_grad()
def average_buffers(model: nn.Module, group: ProcessGroup | None) -> None:
    """Make running means that each rank moved by its own tokens (S-BASE, batch norm) the mean over the ranks.

    What is the same on all of them stays as it is, bit by bit.
    """
    if group is None:
        return
    buffers = [one for one in model.buffers() if one.is_floating_point() and not isinstance(one, DTensor)]
    wide = [buffer.double() / distributed.get_world_size(group) for buffer in buffers]
    for buffer, mean in zip(buffers, all_over_ranks(wide, group), strict=True):
        buffer.copy_(mean)


def _precise_parts(block: nn.Module) -> list[nn.Module]:
    """The outermost parts that compute in float32."""
    found = [module for module in block.modules() if isinstance(module, _PRECISE)]
    within = {id(part) for module in found for part in module.modules() if part is not module}
    return [module for module in found if id(module) not in within and any(True for _ in module.parameters())]


def _deal_experts(model: Decoder, ranks: Ranks, layout: RunLayout, products: torch.dtype) -> None:
    """Keep this rank's experts of each routed layer, and let tokens travel to the others.

    Raises:
        ConfigError: They cannot be dealt evenly, or a layer retrieves single neurons.
    """
    require_even_deal(model, layout.ep)
    mesh = _mesh(ranks, layout.zero, layout.ep)
    for experts in (block.ffn.experts for block in model.blocks if isinstance(block.ffn, MoELayer)):
        experts.run = Exchange(
            group=mesh["ep"].get_group(), num_experts=experts.num_experts, num_frozen=_num_frozen(experts)
        )
        for module in experts.modules():
            _deal(module, mesh["ep"])
        _share([experts], mesh, layout.zero, products)


def require_even_deal(model: Decoder, ep: int) -> None:
    """Refuse to deal experts of which ranks would have, or train, unlike numbers.

    Raises:
        ConfigError: They cannot be dealt evenly, or a layer retrieves single neurons.
    """
    for layer, block in enumerate(model.blocks):
        require(not isinstance(block.ffn, PEERLayer), "layout.ep", f"1 with PEER, as in layer {layer}", ep)
        if isinstance(block.ffn, MoELayer):
            frozen = _num_frozen(block.ffn.experts)
            new = block.ffn.experts.num_experts - frozen
            parts = f"{frozen} frozen and {new} new" if frozen else f"{new}"
            even = new % ep == frozen % ep == 0
            require(even, "layout.ep", f"a divisor of the {parts} experts of layer {layer}", ep)


def _num_frozen(experts: Experts) -> int:
    return next((len(module.frozen) for module in experts.modules() if isinstance(module, GrownRows)), 0)


def _deal(module: nn.Module, mesh: DeviceMesh) -> None:
    """Keep this rank's rows of what a module has itself."""

    def own(tensor: Tensor) -> DTensor:
        return distribute_tensor(tensor.detach(), mesh, [Shard(0)], src_data_rank=None)

    for name, weight in list(module.named_parameters(recurse=False)):
        setattr(module, name, nn.Parameter(own(weight), requires_grad=weight.requires_grad))
    if isinstance(module, GrownRows):
        module.frozen, module.join = own(module.frozen), joined_rows


def _mesh(ranks: Ranks, zero: int, ep: int) -> DeviceMesh:
    """All ranks by what they hold of a weight: whole copies of it, parts of a copy, dealt experts."""
    same = ranks.number // ep
    shape = (1, same, ep) if zero else (same, 1, ep)
    mesh = init_device_mesh(ranks.device.type, shape, mesh_dim_names=("copies", "parts", "ep"))
    mesh["parts", "ep"]._flatten()  # norms are then summed by one message
    return mesh


def _share(modules: list[nn.Module], mesh: DeviceMesh, zero: int, gathered: torch.dtype = torch.float32) -> None:
    """Make modules one unit, whose weights are gathered in a type and whose gradients are summed in float32."""
    policy = MixedPrecisionPolicy(cast_forward_inputs=False)
    if gathered != torch.float32:
        policy = replace(policy, param_dtype=gathered, reduce_dtype=torch.float32)
    fully_shard(modules, mesh=mesh["copies", "parts"], reshard_after_forward=zero == 3, mp_policy=policy)
    for module in modules:
        cast(FSDPModule, module).set_force_sum_reduction_for_comms(True)  # a mean is none of gloo's
