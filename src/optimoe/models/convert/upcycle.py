"""A dense checkpoint into a mixture of experts that starts from what it knows.

Legend: E experts, D model width, F hidden width of an expert, f hidden width of the dense layer, M = 2F or F.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from optimoe.arch.parts import DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError, require, require_types
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import Block, Decoder, build
from optimoe.models.moe import FeedForward, MoELayer
from optimoe.models.routers import RouterConfig, TopK


@dataclass(frozen=True, kw_only=True)
class Upcycling:
    """How the experts of an upcycled model differ from the dense layers that they are copies of.

    With neither noise nor reset the model computes what the dense one does (:func:`upcycle` says when).

    Attributes:
        noise: Gaussian noise on every expert matrix, as a share of the matrix's standard deviation.
        reset_share: Share of each expert's hidden channels that start anew, drawn from the mean and standard
            deviation of the dense matrices (drop-upcycling; Nakamura et al. 2025, arXiv 2502.19261).

    Raises:
        ConfigError: A number is out of limits.
    """

    noise: float = 0.0
    reset_share: float = 0.0

    def __post_init__(self) -> None:
        require_types(self)
        require(0 <= self.noise < math.inf, "noise", "zero or more, and finite", self.noise)
        require(0 <= self.reset_share <= 1, "reset_share", "in [0, 1]", self.reset_share)


@torch.no_grad()
def upcycle(dense: Decoder, arch: ArchSpec, config: ModelConfig, how: Upcycling | None = None) -> Decoder:
    """A mixture of experts whose experts are copies or shards of a dense model's feed-forwards.

    Experts as wide as the dense layer are copies (Komatsuzaki et al. 2022, arXiv 2212.05055). Narrower ones, of
    F = f_routed/G, are its G shards, E/G times over: expert e holds shard e mod G of group ⌊e/G⌋. A group's
    routing rows are equal, so that the top k = G·t are all shards of the t best groups; gates then sum to
    ``scale`` over t copies of the layer cut in G, and second matrices start G/scale times larger (virtual
    groups; He et al. 2024, arXiv 2410.07524, Sec. 3). Shared experts take the first hidden channels, with no
    router before them.

    The function is that of the dense model at step 0 if nobody is dropped. Routers start at random.

    Args:
        dense: The model to start from.
        arch: The same model with :class:`~optimoe.arch.parts.MoE` in some layers.
        config: Of the new model.
        how: Noise and reset; left out, neither.

    Raises:
        ConfigError: The two differ in more than feed-forwards, widths do not divide, or gates do not add up.
    """
    _require_same_but_ffn(dense.arch, arch)
    for name in ("activation", "rotary", "norm_eps", "multipliers"):
        value, given = getattr(dense.config, name), getattr(config, name)
        require(given == value, name, f"{value} as in the dense model", given)
    arch = replace(arch, traits=tuple(sorted({*arch.traits, *dense.arch.traits})))
    model = build(arch, config).to(dense.embedding.weight)
    state = dense.state_dict()
    routed = [layer for layer, block in enumerate(model.blocks) if isinstance(block.ffn, MoELayer)]
    prefixes = tuple(f"blocks.{layer}.ffn." for layer in routed)
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(prefixes)}
    model.load_state_dict(model.state_dict() | kept)
    for layer in routed:
        old, new = dense.blocks[layer], model.blocks[layer]
        assert isinstance(old, Block)
        assert isinstance(new, Block)
        _fill(old.ffn, new.ffn, how or Upcycling())
    return model.train(dense.training)


def _fill(old: torch.nn.Module, new: torch.nn.Module, how: Upcycling) -> None:
    assert isinstance(old, FeedForward)
    assert isinstance(new, MoELayer)
    part, router, branches = new.part, new.router.config, 1 + old.gated
    _require_same_kind(old, part)
    d_shared = part.num_shared_experts * part.d_shared
    groups = _shards(old, part, router, d_shared)
    in_bfD = old.w_in.weight.view(branches, -1, old.w_in.in_features)
    if new.shared is not None:
        new.shared.w_in.weight.copy_(in_bfD[:, :d_shared].flatten(0, 1))
        new.shared.w_out.weight.copy_(old.w_out.weight[:, :d_shared])
    copies, experts = part.num_experts // groups, new.experts
    in_GDbF = in_bfD[:, d_shared:].unflatten(1, (groups, -1)).permute(1, 3, 0, 2)  # type: ignore[no-untyped-call]
    out_GFD = old.w_out.weight[:, d_shared:].T.unflatten(0, (groups, -1))  # type: ignore[no-untyped-call]
    experts.w_in.copy_(in_GDbF.flatten(2).repeat(copies, 1, 1))
    experts.w_out.copy_(out_GFD.repeat(copies, 1, 1) * (groups / router.scale))
    if experts.b_in is not None and experts.b_out is not None:
        bias_GbF = old.w_in.bias.view(branches, groups, -1).transpose(0, 1)
        experts.b_in.copy_(bias_GbF.flatten(1).repeat(copies, 1))
        experts.b_out.copy_(old.w_out.bias.expand_as(experts.b_out) / router.scale)
    if groups > 1:
        weight_ED = new.router.weight
        assert isinstance(weight_ED, Tensor)
        weight_ED.copy_(weight_ED[::groups].repeat_interleave(groups, dim=0))
    matrices = [*experts.w_in.mT.chunk(branches, dim=1), experts.w_out]
    _reset(matrices, how.reset_share)
    for matrix_EFD in matrices:
        matrix_EFD.add_(torch.randn_like(matrix_EFD) * (how.noise * matrix_EFD.std()))


def _require_same_kind(old: FeedForward, part: MoE) -> None:
    """Refuse experts that are no pieces of the dense layer.

    Raises:
        ConfigError: They are not; the message names the field.
    """
    bias = old.w_in.bias is not None
    require(part.d_latent == 0, "d_latent", "0 to copy a dense layer", part.d_latent)
    require(old.gated == part.gated, "gated", str(old.gated), part.gated)
    require(bias == part.expert_bias, "expert_bias", f"{bias} as in the dense layer", part.expert_bias)
    alone = not (bias and part.num_shared_experts)
    require(alone, "num_shared_experts", "0 beside biases", part.num_shared_experts)
    require(not part.shared_gate, "shared_gate", "false: it would scale a part of the dense layer", True)


def _shards(old: FeedForward, part: MoE, router: RouterConfig, d_shared: int) -> int:
    """G, the shards of a dense layer; the conditions under which its function is kept."""
    width = old.w_out.in_features - d_shared
    nulls = router.null_experts if isinstance(router, TopK) else 0
    require(nulls == 0, "null_experts", "0 where experts are pieces of a dense layer", nulls)
    if not router.sums_gates(part.top_k):
        words = "normalised=True, gates_of_one=True" if part.top_k == 1 else "normalised=True"
        raise ConfigError(f"router: gates must sum to one, those of {router.kind} do not; set {words}")
    limit = f"a divisor of the dense layer's routed width {width}"
    require(width > 0 and width % part.d_expert == 0, "d_expert", limit, part.d_expert)
    groups = width // part.d_expert
    require(part.num_experts % groups == 0, "num_experts", f"a multiple of {groups} shards", part.num_experts)
    require(part.top_k % groups == 0, "top_k", f"a multiple of {groups} shards", part.top_k)
    if groups > 1:
        if not isinstance(router, TopK):
            raise ConfigError(f"kind: must be top_k where experts are shards, got {router.kind}")
        require(not part.router_bias, "router_bias", "false where experts are shards", True)
        require(not router.noise, "noise", "false where experts are shards, which it would tell apart", True)
        whole = part.num_experts // router.num_groups % groups == 0
        require(whole, "num_groups", f"such that a group holds multiples of {groups} shards", router.num_groups)
    return groups


def _reset(matrices: list[Tensor], share: float) -> None:
    """Draw a share of each expert's hidden channels anew, the same ones in all of its matrices (E, F, D)."""
    E, F, _ = matrices[0].shape
    reset_EF = torch.rand(E, F, device=matrices[0].device).argsort(dim=1).argsort(dim=1) < round(share * F)
    for matrix_EFD in matrices:
        fresh_EFD = torch.randn_like(matrix_EFD) * matrix_EFD.std() + matrix_EFD.mean()
        matrix_EFD.copy_(fresh_EFD.where(reset_EF[..., None], matrix_EFD))


def _require_same_but_ffn(dense: ArchSpec, arch: ArchSpec) -> None:
    """Refuse architectures that differ in more than the feed-forwards that turn from dense to routed.

    Raises:
        ConfigError: They do; the message names the first layer.
    """
    require(dense.moe is None, "dense", "a model without routed experts", dense.name)
    same = replace(arch, name=dense.name, layers=dense.layers) == dense
    require(same, "arch", "that of the dense model but for its feed-forwards", arch.name)
    old, new = _layers(dense), _layers(arch)
    require(len(old) == len(new), "num_layers", f"{len(old)}", len(new))
    for layer, (before, after) in enumerate(zip(old, new, strict=True)):
        turned = isinstance(before.ffn, DenseFFN) and isinstance(after.ffn, MoE)
        if before != (replace(after, ffn=before.ffn) if turned else after):
            raise ConfigError(
                f"arch: must be that of the dense model but for its feed-forwards, layer {layer} is not"
            )


def _layers(arch: ArchSpec) -> list[LayerGroup]:
    return [replace(group, num_layers=1) for group in arch.unrolled]
