"""Experts that grow with each new distribution of data, while those of earlier ones stay as they are.

Lifelong-MoE (Chen et al. 2023, arXiv 2305.12281): experts and gate columns are added, the old ones frozen, and a
regulariser holds the outputs near those of the previous model. Its formula and weights are not confirmed; the
distillation below is learning without forgetting (Li and Hoiem, arXiv 1606.09282).

Legend: E experts, D model width, T tokens, V vocabulary.
"""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, require, require_positive, require_types
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import Decoder, build
from optimoe.models.evaluation import Batch, evaluate
from optimoe.models.moe import MoELayer
from optimoe.models.routers import TopK


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What is added for a new distribution, and what may still change.

    Attributes:
        num_new_experts: In every routed layer.
        start: New experts and gate rows are copies of the old ones in turn, or fresh.
        noise: Gaussian noise on copies, as a share of the standard deviation; without any a copy stays one.
        gate: Whether rows of old experts are frozen, or all rows train.
        dense: Whether everything outside the routed experts and gates is frozen, or trains.

    Raises:
        ConfigError: A number is out of limits.
        UnknownNameError: An option is none of its words.
    """

    num_new_experts: int
    start: Literal["copy", "fresh"] = "copy"
    noise: float = 0.01
    gate: Literal["old_frozen", "trained"] = "old_frozen"
    dense: Literal["frozen", "trained"] = "trained"

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "num_new_experts")
        require(0 <= self.noise < math.inf, "noise", "zero or more, and finite", self.noise)


class GrownRows(nn.Module):
    """A tensor whose first rows are frozen: a buffer that no optimiser sees, before the rows that train.

    Attributes:
        frozen: The first rows.
        join: What puts them before the others: ``torch.cat``, or what does it where ranks share both.
    """

    frozen: Tensor
    join: Callable[[list[Tensor]], Tensor] = staticmethod(torch.cat)

    def __init__(self, frozen: Tensor) -> None:
        super().__init__()
        self.register_buffer("frozen", frozen)

    def forward(self, new: Tensor) -> Tensor:
        """All rows, the frozen ones first."""
        # Wrappers for mixed precision cast parameters and leave buffers as they are.
        return self.join([self.frozen.to(new.dtype), new])

    def right_inverse(self, whole: Tensor) -> Tensor:
        """The rows that train, of all."""
        return whole[len(self.frozen) :].clone()


@torch.no_grad()
def grow(model: Decoder, growth: Growth) -> Decoder:
    """The model with more experts, the old ones frozen; compute per token stays as it is.

    Frozen rows are no parameters, so that neither weight decay nor an optimiser's moments move them. What the
    model computes changes where a new gate row scores among the best k.

    Args:
        model: Trained on earlier distributions; stays as it is. One that has grown before freezes all it has.
        growth: What to add.

    Raises:
        ConfigError: The model does not route, or its routers cannot grow.
    """
    old = merge(model)
    require(old.arch.moe is not None, "arch", "a model with routed experts", old.arch.name)
    for router in (layer.config for layer in old.routers.values()):
        if not router.learned:
            raise ConfigError(
                f"router: {router.kind} cannot grow; a table for more experts moves the tokens of old ones"
            )
        if isinstance(router, TopK):
            require(router.num_groups == 1, "num_groups", "1 to grow", router.num_groups)
            require(router.null_experts == 0, "null_experts", "0 to grow", router.null_experts)
    new = build(with_more_experts(old.arch, growth.num_new_experts), old.config).to(old.embedding.weight)
    before, state = old.state_dict(), new.state_dict()
    for name, tensor in state.items():
        state[name] = _grown(before[name], tensor, growth, is_buffer=name.endswith(_BUFFERS))
    new.load_state_dict(state)
    if growth.dense == "frozen":
        new.requires_grad_(False)
    for block in new.blocks:
        if isinstance(block.ffn, MoELayer):
            _freeze_old(block.ffn, growth)
    new.growths = (*model.growths, growth)
    return new.train(model.training)


def regrow(arch: ArchSpec, config: ModelConfig, growths: Sequence[Growth]) -> Decoder:
    """A model of the form that grown ones have, with new weights: what the state of one is loaded into.

    Args:
        arch: Of the grown model (``model.arch``), all its experts included.
        config: Of the grown model (``model.config``).
        growths: All that were done to it, in order (``model.growths``), as its record lists them.

    Raises:
        ConfigError: Growths add as many experts as there are, or the architecture does not route.
    """
    require(arch.moe is not None, "arch", "a model with routed experts", arch.name)
    added = sum(growth.num_new_experts for growth in growths)
    old = build(with_more_experts(arch, -added), config)
    for growth in growths:
        old = grow(old, growth)
    return old


@torch.no_grad()
def merge(model: Decoder) -> Decoder:
    """A copy whose grown tensors are plain parameters again, all of which train: to export it, or to grow on."""
    merged = build(model.arch, model.config).to(model.embedding.weight)
    state = {}
    for name in merged.state_dict():
        path, _, tensor = name.rpartition(".")
        state[name] = getattr(model.get_submodule(path), tensor).clone()
    merged.load_state_dict(state, assign=True)
    if model.arch.tied_embeddings:
        merged.unembedding.weight = merged.embedding.weight
    return merged.requires_grad_(True).train(model.training)


def frozen_copy(model: Decoder) -> Decoder:
    """The previous model, to distil from: it evaluates and has no gradients."""
    return copy.deepcopy(model).requires_grad_(False).eval()


def distillation_loss(logits_TV: Tensor, previous_TV: Tensor, temperature: float = 1.0) -> Tensor:
    """Distillation loss τ²·mean_T KL(softmax(previous/τ) ‖ softmax(logits/τ)); 0 where nothing was forgotten."""
    dtype = torch.promote_types(logits_TV.dtype, torch.float32)
    new_TV = (logits_TV / temperature).log_softmax(dim=-1, dtype=dtype).flatten(0, -2)
    old_TV = (previous_TV.detach() / temperature).log_softmax(dim=-1, dtype=dtype).flatten(0, -2)
    return nn.functional.kl_div(new_TV, old_TV, reduction="batchmean", log_target=True) * temperature**2


_BUFFERS = ("balance_bias_E", "potential_E", "latest_E")  # one number per expert each


@torch.no_grad()
def evaluate_each(model: Decoder, distributions: Mapping[str, Iterable[Batch]]) -> dict[str, float]:
    """The loss on held-out batches of each distribution, nats per token, a batch weighing by its targets."""
    return {name: evaluate(model, batches).loss for name, batches in distributions.items()}


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """How well a model still does on one distribution of data, in nats per token.

    Attributes:
        best: Its lowest loss after any stage.
        best_stage: The stage, from 0.
        last: Its loss after the last stage.
    """

    best: float
    best_stage: int
    last: float

    @property
    def forgotten(self) -> float:
        """Loss that later stages cost the distribution; 0 when the last stage is its best."""
        return self.last - self.best


def forgetting(stages: Sequence[Mapping[str, float]]) -> dict[str, Forgetting]:
    """What later stages of training cost each distribution.

    Args:
        stages: Losses by distribution after each stage, as :func:`evaluate_each` returns them; a distribution may
            appear first at a later stage.

    Raises:
        ConfigError: There is no stage, or the last lacks a distribution of an earlier one.
    """
    require(len(stages) > 0, "stages", "one or more", len(stages))
    reports = {}
    for name in dict.fromkeys(name for stage in stages for name in stage):
        require(name in stages[-1], "stages", f"to end with a loss on {name}", "none")
        losses = [(stage[name], index) for index, stage in enumerate(stages) if name in stage]
        best, best_stage = min(losses)
        reports[name] = Forgetting(best=best, best_stage=best_stage, last=stages[-1][name])
    return reports


def with_more_experts(arch: ArchSpec, number: int) -> ArchSpec:
    """The architecture with so many experts more in every routed layer."""

    def more(ffn: MoE) -> MoE:
        return replace(ffn, num_experts=ffn.num_experts + number)

    groups = (
        replace(group, ffn=more(group.ffn)) if isinstance(group.ffn, MoE) else group for group in arch.layers
    )
    return replace(arch, layers=tuple(groups))


def _grown(old: Tensor, new: Tensor, growth: Growth, is_buffer: bool) -> Tensor:
    """The old rows, and after them new ones where the tensor grew."""
    number = len(new) - len(old) if new.dim() else 0
    if number == 0:
        return old
    rows = new[len(old) :]
    if is_buffer:
        rows = torch.zeros_like(rows)
    elif growth.start == "copy":
        rows = old[torch.arange(number, device=old.device) % len(old)]
        rows = rows + torch.randn_like(rows) * (growth.noise * old.std())
    return torch.cat([old, rows])


def _freeze_old(layer: MoELayer, growth: Growth) -> None:
    """Turn the first rows of experts, and of gates where they are frozen, into buffers."""
    num_old = layer.part.num_experts - growth.num_new_experts
    frozen: list[tuple[nn.Module, str]] = [(layer.experts, name) for name in ("w_in", "w_out", "b_in", "b_out")]
    gates: list[tuple[nn.Module, str]] = [(layer.router, name) for name in ("weight", "bias", "noise_weight")]
    for module, name in frozen + gates:
        tensor = module._parameters.get(name)
        if tensor is None:
            continue
        tensor.requires_grad_(True)
        if module is layer.experts or growth.gate == "old_frozen":
            parametrize.register_parametrization(module, name, GrownRows(tensor[:num_old].clone()))
