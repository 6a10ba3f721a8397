"""What a plan chooses by and from: the goal, the designs and the data."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.quantities import Flag, Quantity, Several, numbers, parts, whole
from optimoe.planner.problem.kinds import (
    FULL_EVERY,
    WINDOW_TOKENS,
    AttentionKind,
    CountedDollars,
    DenseLayerWidth,
)

if TYPE_CHECKING:
    from optimoe.planner.problem.data import Data
    from optimoe.planner.problem.family import BestRatio
    from optimoe.planner.problem.goal import Goal
    from optimoe.planner.problem.space import Space
    from optimoe.planner.problem.training import Training

RATIO_BY_LAW = "li2026"

ACTIVE_FFN_RATIOS = "2,3,4"
"""Widths of all experts of a token where no width is stated: those of ``Space``."""


@Parameter(name="*", group="Goal")
@dataclass(frozen=True, kw_only=True)
class GoalChoice(Plausible):
    """What counts as best: at most one of these, and which dollars are counted."""

    loss_slack: float | None = None
    """Take the cheapest design within this share of the lowest loss (0.01 if no goal is stated)."""
    slack_nats: float | None = None
    """Take the cheapest design within so many nats of the lowest loss."""
    target_loss: float | None = None
    """Take the cheapest design that reaches this loss."""
    total_usd: Quantity | None = None
    """Take the lowest loss that training and serving reach within these dollars."""
    usd_per_mtok: Quantity | None = None
    """Take the lowest loss that is served for so much per million output tokens."""
    count: CountedDollars = "total"
    """Dollars that make a design the cheapest: total, or those of serving alone."""

    def goal(self) -> "Goal":
        """The goal that is stated, or the cheapest design near the lowest loss.

        Raises:
            InputError: Two goals are stated.
            ConfigError: A number is out of limits.
        """
        from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest

        goals: dict[str, Callable[[float], Goal]] = {
            "loss_slack": lambda value: NearBest(loss_slack=value, count=self.count),
            "slack_nats": lambda value: NearBest(loss_slack=0.0, slack_nats=value, count=self.count),
            "target_loss": lambda value: LeastCost(max_loss=value, count=self.count),
            "total_usd": lambda value: LowestLoss(total_usd=value),
            "usd_per_mtok": lambda value: LowestLoss(usd_per_mtok=value),
        }
        stated = [name for name in goals if getattr(self, name) is not None]
        if len(stated) > 1:
            first, second = (f"--{name.replace('_', '-')}" for name in stated[:2])
            raise InputError(f"{first}: must be left out beside {second}, they state different goals")
        if not stated:
            return NearBest(count=self.count)
        return goals[stated[0]](getattr(self, stated[0]))


@Parameter(name="*", group="Designs")
@dataclass(frozen=True, kw_only=True)
class DesignChoice(Plausible):
    """The designs to choose from."""

    experts: Several = "1,8,16,32,64,128,256,512"
    """Expert counts to compare; 1 is dense."""
    top_k: Several = "1,2,4,8"
    """Routed experts per token, up to --max-active-share of them; several by comma."""
    max_active_share: float = 0.25
    """Largest share of its experts that a model routes to, but for its smallest k: no lab has more than 0.25."""
    active_ffn_ratio: Several = ""
    """Hidden width of all experts that a token uses, routed and shared, over d_model, from which that of one
    follows; several by comma. 2,3,4 unless one of the next two is stated in its place."""
    ffn_ratio: Several = ""
    """Hidden width of one expert over d_model; several by comma."""
    expert_attention_ratio: Several = ""
    """FLOPs in experts over those in attention, several by comma, or li2026 for the ratio that this law finds best
    at the training budget."""
    dense_ffn_ratio: Several = "3.5"
    """Hidden width of dense models over d_model, whatever the experts of others are; several by comma."""
    shared: Several = "0,1"
    """Shared experts, which every token uses; several by comma."""
    kv_heads: Several = "8"
    """Key-value heads; several by comma."""
    attention: Several = "gqa,mla"
    """Kind of attention: mha, gqa or mla; or grouped heads in every n-th layer alone, with a sliding window in the
    others (gqa-swa) or Gated DeltaNet (gqa-gdn), whose price in loss no law here sees; several by comma."""
    window: Several = ""
    """Tokens of the sliding windows of gqa-swa, several by comma; 128 unless stated, as in gpt-oss."""
    full_every: Several = ""
    """Of the layers of gqa-swa and gqa-gdn every n-th attends to everything, several n by comma; 2 unless stated,
    as in gpt-oss, and 4, as in Qwen3-Next."""
    moe_every: Several = "1"
    """Of models that route, every n-th layer does; several n by comma, 1 is all layers."""
    first_dense_layers: Several = "0,1"
    """Layers at the bottom of these models that do not route; several by comma."""
    dense_layer_width: DenseLayerWidth = "active"
    """Width of the feed-forwards of layers that do not route: active, that of all experts that a token uses
    together, or expert, that of one."""
    params_total: Quantity = math.inf
    """Compare designs that store so many parameters, both embeddings included: widths and depths follow from E."""
    params_tolerance: float = 0.02
    """How far from that a design may be, relatively."""
    min_aspect: float = 40.0
    """Least d_model over the number of layers."""
    max_aspect: float = 128.0
    """Most d_model over the number of layers."""
    vocab: Quantity = 131_072.0
    """Tokens in the vocabulary."""
    max_width: Quantity = 16_384.0
    """Largest d_model."""
    width_step: Quantity = 0.0
    """Multiples that d_model is of; left out, 256 for small models to 1,024 for large ones."""
    head_dim: Quantity = 128.0
    """Width of a head."""
    exhaustive: Flag = False
    """Price every design, so that the choice is certain to be the best of the space."""

    def space(self, training: "Training") -> "Space":
        """The designs to choose from.

        Raises:
            InputError: A count is not whole, or a law of ratios has no budget.
            ConfigError: A number is out of limits.
        """
        from optimoe.planner.problem.space import Space

        widths = ("active_ffn_ratio", "ffn_ratio", "expert_attention_ratio")
        stated = [f"--{name.replace('_', '-')}" for name in widths if getattr(self, name)]
        if len(stated) > 1:
            raise InputError(f"{stated[0]}: must be left out beside {stated[1]}, both set the width of experts")
        attention = parts(self.attention)
        kinds = "mha, gqa, mla, gqa-swa or gqa-gdn"
        require(set(attention) <= set(get_args(AttentionKind)), "attention", kinds, self.attention)
        if self.window and "gqa-swa" not in attention:
            raise InputError("--window: needs gqa-swa among the kinds of --attention, which none of them has")
        if self.full_every and not set(FULL_EVERY) & set(attention):
            raise InputError("--full-every: needs gqa-swa or gqa-gdn among the kinds of --attention")
        return Space(
            num_experts=numbers("--experts", self.experts, int),
            top_k=numbers("--top-k", self.top_k, int),
            max_active_share=self.max_active_share,
            active_ffn_ratio=numbers("--active-ffn-ratio", self.active_ffn_ratio or ACTIVE_FFN_RATIOS, float),
            ffn_ratio=numbers("--ffn-ratio", self.ffn_ratio, float) if self.ffn_ratio else (),
            expert_attention_ratio=self._ratios(training),
            dense_ffn_ratio=numbers("--dense-ffn-ratio", self.dense_ffn_ratio, float),
            num_shared_experts=numbers("--shared", self.shared, int),
            num_kv_heads=numbers("--kv-heads", self.kv_heads, int),
            attention=cast("tuple[AttentionKind, ...]", attention),
            window_tokens=numbers("--window", self.window, int) if self.window else (WINDOW_TOKENS,),
            full_every=numbers("--full-every", self.full_every, int) if self.full_every else (),
            moe_every=numbers("--moe-every", self.moe_every, int),
            first_dense_layers=numbers("--first-dense-layers", self.first_dense_layers, int),
            dense_layer_width=self.dense_layer_width,
            params_total=self.params_total,
            params_tolerance=self.params_tolerance,
            min_aspect=self.min_aspect,
            max_aspect=self.max_aspect,
            vocab_size=whole("vocab", self.vocab),
            max_width=whole("max_width", self.max_width),
            width_step=whole("width_step", self.width_step),
            head_dim=whole("head_dim", self.head_dim),
            exhaustive=self.exhaustive,
        )

    @property
    def free(self) -> frozenset[str]:
        """Fields of the space that nobody stated: as they are by default. ``ffn_ratio`` stands for all widths."""
        names = {"experts": "num_experts", "top_k": "top_k", "shared": "num_shared_experts"}
        names |= {"moe_every": "moe_every", "first_dense_layers": "first_dense_layers"}
        usual = [field for name, field in names.items() if getattr(self, name) == getattr(DesignChoice, name)]
        widths = self.active_ffn_ratio or self.ffn_ratio or self.expert_attention_ratio
        return frozenset(usual if widths else [*usual, "ffn_ratio"])

    def _ratios(self, training: "Training") -> "tuple[float, ...] | BestRatio":
        if not self.expert_attention_ratio:
            return ()
        if self.expert_attention_ratio != RATIO_BY_LAW:
            return numbers("--expert-attention-ratio", self.expert_attention_ratio, float)
        if not training.bounded:
            raise InputError(f"--expert-attention-ratio: {RATIO_BY_LAW} needs a training budget, got none")
        from optimoe.planner.problem.family import BestRatio

        return BestRatio(train_flops=training.budget_flops_about)


@Parameter(name="*", group="Data")
@dataclass(frozen=True, kw_only=True)
class DataChoice(Plausible):
    """The training tokens at hand."""

    unique_tokens: Quantity = math.inf
    """Distinct training tokens; beyond them tokens repeat, and count for less."""
    no_repeats: Flag = False
    """Do not train on a token twice."""

    def data(self) -> "Data":
        """The data of a problem.

        Raises:
            ConfigError: There are no tokens.
        """
        from optimoe.planner.problem.data import Data

        return Data(unique_tokens=self.unique_tokens, repeats=not self.no_repeats)
