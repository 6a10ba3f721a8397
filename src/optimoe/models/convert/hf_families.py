"""The families of Hugging Face checkpoints that are written and read: their names, and how they route."""

from dataclasses import dataclass, replace
from typing import Literal

from optimoe.arch.hf.families import family_names
from optimoe.core.errors import ConfigError, UnknownNameError

Layout = Literal["listed", "stacked", "interleaved"]


@dataclass(frozen=True, kw_only=True)
class Routes:
    """How a family routes, and the fields of ``config.json`` that say so.

    Attributes:
        score: What the gates are made of.
        normalised: Whether gates are divided by their sum, or the field that says so.
        scale: The field of the gates' factor, or none.
        groups: Whether ``n_group`` and ``topk_group`` choose groups first.
        group_score: A group's score.
        bias: The balancing bias, below the feed-forward, or none.
        methods: The words of ``topk_method``, for one group and for several; none where there is no such field.
    """

    score: Literal["softmax", "sigmoid"] = "softmax"
    normalised: bool | Literal["norm_topk_prob"] = True
    scale: str = ""
    groups: bool = False
    group_score: Literal["best", "best_two"] = "best_two"
    bias: str = ""
    methods: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a family calls the parts of its routed layers.

    Attributes:
        moe: The feed-forward.
        router: The router below it.
        layout: Experts one by one, (F, D) each; or in one tensor, (E, 2F, D); or that with inputs first and gate
            and up in turns, (E, D, 2F), with biases (gpt-oss).
        gate, up, down: Matrices of an expert; stacked ones have no ``up``.
        shared: The shared experts below the feed-forward; their gate is called so too, with ``_gate``.
        routes: How it routes.
        activation: The one activation that the family has, beside those of ``hidden_act``.
        multipliers: Whether it has Granite's four multipliers.
        rotary_share: Share of a head's channels that turn where the configuration does not say; 0 where a family
            has no such field, and turns all.
    """

    moe: str = "mlp"
    router: str = "gate"
    layout: Layout = "listed"
    gate: str = "gate_proj"
    up: str = "up_proj"
    down: str = "down_proj"
    shared: str = "shared_experts"
    routes: Routes = Routes()
    activation: str = ""
    multipliers: bool = False
    rotary_share: float = 0.0


_CHOSEN = Routes(normalised="norm_topk_prob")
_BIASED = Routes(
    score="sigmoid",
    normalised="norm_topk_prob",
    scale="routed_scaling_factor",
    groups=True,
    bias="gate.e_score_correction_bias",
    methods=("noaux_tc", "noaux_tc"),
)
_W123 = Names(moe="block_sparse_moe", gate="w1", up="w3", down="w2")

FAMILIES: dict[str, Names] = {
    "llama": Names(),
    "mistral": Names(),
    "qwen2": Names(),
    "qwen3": Names(),
    "mixtral": _W123,
    "qwen2_moe": Names(shared="shared_expert", routes=_CHOSEN),
    "qwen3_moe": Names(routes=_CHOSEN),
    "olmoe": Names(routes=_CHOSEN),
    "deepseek_v2": Names(
        routes=Routes(
            normalised=False,
            scale="routed_scaling_factor",
            groups=True,
            group_score="best",
            methods=("greedy", "group_limited_greedy"),
        )
    ),
    "deepseek_v3": Names(routes=_BIASED),
    "glm4_moe": Names(routes=_BIASED, rotary_share=0.5),
    "glm4_moe_lite": Names(routes=_BIASED),
    "minimax_m2": replace(_W123, routes=Routes(score="sigmoid", bias="e_score_correction_bias"), rotary_share=1.0),
    "granitemoe": Names(
        moe="block_sparse_moe",
        router="router.layer",
        layout="stacked",
        gate="input_linear",
        down="output_linear",
        multipliers=True,
    ),
    "gpt_oss": Names(
        router="router",
        layout="interleaved",
        gate="experts.gate_up_proj",
        down="experts.down_proj",
        activation="clamped_swiglu",
    ),
}
"""Families that are written and read, by ``model_type``."""


def find_names(model_type: str) -> Names:
    """The names of a family.

    Raises:
        ConfigError: The family is counted, but not converted.
        UnknownNameError: There is no such family.
    """
    if model_type in FAMILIES:
        return FAMILIES[model_type]
    if model_type in family_names():
        raise ConfigError(
            f"model_type: {model_type} is counted but not converted; converted are {', '.join(FAMILIES)}"
        )
    raise UnknownNameError("model_type", model_type, FAMILIES)
