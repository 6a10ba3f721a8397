"""Field tables of feed-forwards, and of which layers route."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.fields import Fields, Flag, read_flag
from optimoe.arch.parts import DenseFFN, MoE
from optimoe.core.errors import ConfigError, require

LEARNED = {"xielu": 2, "prelu": 1}
"""Parameters of activations that learn: two slopes of xIELU (Huang 2024, arXiv 2411.13010), one of PReLU."""


@dataclass(frozen=True, kw_only=True)
class Dense:
    """The feed-forward of layers that do not route.

    Attributes:
        width: Name of the field; empty where the width is always ``times`` · d.
        otherwise: Name of the field of the width where the first is null.
        times: What the family takes where the field is null, over d; 0 where it must be a number.
        gated: Three matrices, or two.
        bias: Whether each matrix adds a bias, or the field that says so.
        inner_norm: Whether the hidden values pass a norm.
        activation: Field of the activation; one that learns has parameters. Empty where none is read.
    """

    width: str = "intermediate_size"
    otherwise: str = ""
    times: int = 0
    gated: bool = True
    bias: Flag = False
    inner_norm: bool = False
    activation: str = "hidden_act"

    def read(self, fields: Fields, d_model: int) -> DenseFFN:
        """Read a dense feed-forward from its fields."""
        usual = self.times * d_model
        name = self.otherwise if self.otherwise and not fields.has(self.width) else self.width
        width = fields.count(name, null=usual) if name else usual
        return DenseFFN(
            d_ff=width,
            gated=self.gated,
            bias=read_flag(fields, self.bias),
            inner_norm=self.inner_norm,
            activation_params=learned(fields, self.activation),
        )

    def written(self, ffn: DenseFFN, d_model: int) -> dict[str, Any]:
        """What is written of a layer's feed-forward, where its fields may state the width over d."""
        return self.write(ffn)

    def write(self, ffn: DenseFFN) -> dict[str, Any]:
        """Write a feed-forward into the fields that it was read from."""
        config: dict[str, Any] = {self.width: ffn.d_ff} if self.width else {}
        config |= {self.bias: ffn.bias} if isinstance(self.bias, str) else {}
        learns = next((name for name, params in LEARNED.items() if params == ffn.activation_params), "")
        return config | ({self.activation: learns} if learns else {})


def learned(fields: Fields, name: str) -> int:
    """Parameters of the activation that a field names; none where it is missing."""
    stated = fields.value(name)
    return LEARNED.get(stated, 0) if isinstance(stated, str) else 0


@dataclass(frozen=True, kw_only=True)
class Routed:
    """Routed experts. ModuleNames of the fields; several are alternatives, the first is written.

    ``shared_count`` names how many shared experts of the routed width there are, ``shared_width`` the width of a
    single one, or with ``shared_count`` of each; ``shared_fixed`` says that there is always one of the routed
    width; with ``shared_needed`` the family's code has no case for none.
    ``latent`` names the width at which tokens are routed, where it may be another than d, with ``latent_norms``
    there; ``zero_experts`` how many choices have no weights.
    """

    experts: tuple[str, ...] = ("num_experts",)
    top_k: tuple[str, ...] = ("num_experts_per_tok",)
    width: tuple[str, ...] = ("moe_intermediate_size",)
    shared_count: str = ""
    shared_width: str = ""
    shared_fixed: bool = False
    shared_needed: bool = False
    shared_gate: bool = False
    router_bias: Flag = False
    router_scales: bool = False
    expert_bias: bool = False
    output_bias: bool = False
    gated: bool = True
    latent: str = ""
    latent_norms: bool = False
    activation: str = "hidden_act"
    zero_experts: str = ""

    def read(self, fields: Fields) -> MoE:
        """Read routed and shared experts from their fields."""
        nothing = learned(fields, self.activation) == 0
        require(nothing, self.activation, "without parameters in experts", fields.value(self.activation))
        width = fields.count(*self.width)
        num_shared, d_shared = self._shared(fields, width)
        return MoE(
            num_experts=fields.count(*self.experts),
            top_k=fields.count(*self.top_k),
            d_expert=width,
            num_shared_experts=num_shared,
            d_shared=d_shared,
            shared_gate=self.shared_gate,
            router_bias=read_flag(fields, self.router_bias),
            router_scales=self.router_scales,
            expert_bias=self.expert_bias,
            output_bias=self.output_bias,
            gated=self.gated,
            d_latent=fields.count(self.latent) if self.latent and fields.has(self.latent) else 0,
            latent_norms=self.latent_norms,
            num_zero_experts=fields.count(self.zero_experts, zero=True) if self.zero_experts else 0,
        )

    def write(self, ffn: MoE) -> dict[str, Any]:
        """Write a feed-forward into the fields that it was read from."""
        config: dict[str, Any] = {
            self.experts[0]: ffn.num_experts,
            self.top_k[0]: ffn.top_k,
            self.width[0]: ffn.d_expert,
        }
        if self.shared_count:
            config[self.shared_count] = ffn.num_shared_experts
        if self.shared_width:
            config[self.shared_width] = ffn.d_shared
        if self.latent:
            config[self.latent] = ffn.d_latent or None
        if self.zero_experts:
            config[self.zero_experts] = ffn.num_zero_experts
        if isinstance(self.router_bias, str):
            config[self.router_bias] = ffn.router_bias
        return config

    def _shared(self, fields: Fields, width: int) -> tuple[int, int]:
        if self.shared_fixed:
            return 1, width
        if self.shared_width and self.shared_count:
            number = fields.count(self.shared_count, zero=not self.shared_needed)
            return number, fields.count(self.shared_width) if number else 0
        if self.shared_width:
            d_shared = fields.count(self.shared_width, zero=not (self.shared_gate or self.shared_needed))
            return (1, d_shared) if d_shared else (0, 0)
        if self.shared_count:
            number = fields.count(self.shared_count, zero=not self.shared_needed)
            return number, width if number else 0
        return 0, 0


Pattern = Callable[[Fields, int], Sequence[bool | None]]
"""From the fields and the number of layers to whether each layer routes; none where it has no feed-forward."""


_LISTED: set[Pattern] = set()


def listing(pattern: Pattern) -> Pattern:
    """Have the layers of a pattern written as the list ``mlp_layer_types``, which it reads too."""
    _LISTED.add(pattern)
    return pattern


def every_layer(fields: Fields, num_layers: int) -> list[bool]:
    """Every layer of the model routes."""
    return [True] * num_layers


def no_layer(fields: Fields, num_layers: int) -> list[bool]:
    """No layer of the model routes."""
    return [False] * num_layers


def no_feed_forward(fields: Fields, num_layers: int) -> list[bool | None]:
    """No layer of the model has a feed-forward (Mamba)."""
    return [None] * num_layers


def with_experts(fields: Fields, num_layers: int) -> list[bool]:
    """Every layer routes, unless ``num_local_experts`` is 0 (Granite 4)."""
    return [fields.count("num_local_experts", zero=True) > 0] * num_layers


def leading_layers(field: str) -> Pattern:
    """The first layers of the model are dense, as many as a field counts."""

    def pattern(fields: Fields, num_layers: int) -> list[bool]:
        dense = fields.count(field, zero=True)
        return [layer >= dense for layer in range(num_layers)]

    return pattern


leading_dense, leading_dense_layers = leading_layers("first_k_dense_replace"), leading_layers("num_dense_layers")
"""Patterns of DeepSeek and GLM, and of AFMoE."""


def all_but(dense: int) -> Pattern:
    """The first so many layers of the model are dense."""

    def pattern(fields: Fields, num_layers: int) -> list[bool]:
        return [layer >= dense for layer in range(num_layers)]

    return pattern


def stepped(fields: Fields, num_layers: int) -> list[bool]:
    """Every ``moe_layer_freq``-th layer from layer 0 routes, but the first ones (A.X-K1)."""
    step = fields.count("moe_layer_freq")
    leading = leading_dense(fields, num_layers)
    return [bool(routes) and layer % step == 0 for layer, routes in enumerate(leading)]


def listed_or(otherwise: Pattern) -> Pattern:
    """The field ``mlp_layer_types`` where it stands, else another rule."""

    def pattern(fields: Fields, num_layers: int) -> Sequence[bool | None]:
        if not fields.has("mlp_layer_types"):
            return otherwise(fields, num_layers)
        kinds = fields.items("mlp_layer_types", str, num_layers)
        if not set(kinds) <= {"dense", "sparse"}:
            raise ConfigError(f"mlp_layer_types: must be dense or sparse, got {sorted(set(kinds))}")
        return [kind == "sparse" for kind in kinds]

    return pattern


listed_or_leading = listed_or(leading_dense)
"""Of DeepSeek V3.2 and GLM-5: the list, else the first layers are dense."""

listed_or_stepped = listed_or(stepped)
"""Of A.X-K1: the list, else the first layers are dense and the others by a step."""


listed_or_all_but_first, listed_or_all_but_three = listing(listed_or(all_but(1))), listing(listed_or(all_but(3)))
listed_or_every = listing(listed_or(every_layer))


def marks(fields: Fields, num_layers: int) -> Sequence[bool | None]:
    """Layers that the list ``moe_layer_freq`` marks route."""
    return [mark != 0 for mark in fields.items("moe_layer_freq", int, num_layers)]


def _marked_or(otherwise: Pattern) -> Pattern:
    """The list ``moe_layer_freq`` where it stands, else another rule."""

    def pattern(fields: Fields, num_layers: int) -> Sequence[bool | None]:
        return (marks if fields.has("moe_layer_freq") else otherwise)(fields, num_layers)

    return pattern


marked_or_every, listed_or_marked = listed_or(_marked_or(every_layer)), listed_or(marks)
"""Of MiniMax-M3: either list, else every layer routes; as published there must be one."""
marked_layers = listed_or(_marked_or(all_but(1)))
"""Of MiMo-V2: either list, else the first layer is dense."""


def sparse_step(fields: Fields, num_layers: int) -> list[bool]:
    """Every ``decoder_sparse_step``-th layer routes, but those of ``mlp_only_layers`` (Qwen)."""
    step = fields.count("decoder_sparse_step")
    dense = fields.items("mlp_only_layers", int)
    return [layer not in dense and (layer + 1) % step == 0 for layer in range(num_layers)]


def interleaved(fields: Fields, num_layers: int) -> list[bool]:
    """Every ``interleave_moe_layer_step``-th layer routes, or those of ``moe_layers`` (Llama 4)."""
    if fields.has("moe_layers"):
        routed = fields.items("moe_layers", int)
        return [layer in routed for layer in range(num_layers)]
    step = fields.count("interleave_moe_layer_step")
    return [(layer + 1) % step == 0 for layer in range(num_layers)]


def expert_period(fields: Fields, num_layers: int) -> list[bool]:
    """Layers at ``expert_layer_offset`` of each ``expert_layer_period`` route, of several experts (Jamba)."""
    period, offset = fields.phase("expert_layer_period", "expert_layer_offset")
    several = fields.count("num_experts", "num_local_experts") > 1
    return [several and layer % period == offset for layer in range(num_layers)]


def layer_frequency(fields: Fields, num_layers: int) -> list[bool]:
    """Every ``moe_layer_frequency``-th layer routes (Arctic)."""
    step = fields.count("moe_layer_frequency")
    return [(layer + 1) % step == 0 for layer in range(num_layers)]


def within(fields: Fields, num_layers: int) -> list[bool]:
    """Every ``moe_layer_interval``-th layer routes, from the start index to the end index (ERNIE 4.5)."""
    step, start = fields.count("moe_layer_interval"), fields.count("moe_layer_start_index", zero=True)
    end = fields.layer("moe_layer_end_index", num_layers)
    return [start <= layer <= end and (layer + 1) % step == 0 for layer in range(num_layers)]


def written_pattern(pattern: Pattern, routed: list[bool]) -> dict[str, Any]:
    """The fields of a pattern; a pattern that they cannot express reads back differently."""
    step = routed.index(True) + 1 if True in routed else len(routed) + 1
    leading = all(routed[step - 1 :])
    kinds = ["sparse" if routes else "dense" for routes in routed]
    by_count = pattern in (listed_or_leading, listed_or_stepped)
    if pattern in _LISTED or (by_count and not leading):
        return {"mlp_layer_types": kinds}
    if pattern in (marked_layers, marked_or_every, listed_or_marked):
        return {"mlp_layer_types": kinds, "moe_layer_freq": [int(routes) for routes in routed]}
    if pattern is leading_dense_layers:
        return {"num_dense_layers": step - 1}
    if pattern is within:
        following = 1 if leading else routed[step:].index(True) + 1 if True in routed[step:] else step
        return {"moe_layer_interval": following, "moe_layer_start_index": step - 1}
    if pattern in (leading_dense, listed_or_leading, listed_or_stepped):
        return {"first_k_dense_replace": step - 1}
    if pattern is sparse_step:
        return {
            "decoder_sparse_step": 1,
            "mlp_only_layers": [i for i, routes in enumerate(routed) if not routes],
        }
    if pattern is interleaved:
        return {
            "interleave_moe_layer_step": step,
            "moe_layers": [i for i, routes in enumerate(routed) if routes],
        }
    if pattern is expert_period:
        following = routed[step:].index(True) + 1 if True in routed[step:] else len(routed) + 1
        dense = {} if True in routed else {"num_experts": 1}
        return {"expert_layer_period": following, "expert_layer_offset": step - 1} | dense
    return {"moe_layer_frequency": step} if pattern is layer_frequency else {}
