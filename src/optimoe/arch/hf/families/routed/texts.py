"""Language models of several modalities that no model of text alone is: each by the type of its table."""

from dataclasses import dataclass, replace
from typing import Any

from optimoe.arch.hf.families.shared import BIAS, BIASED, BIASED_MHA, MHA, MTP, NORMED, QWEN_WINDOW, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense, Routed, listed_or_all_but_first, listed_or_every, listing, sparse_step
from optimoe.arch.hf.fields import Fields, stated_rows
from optimoe.arch.hf.layers import FULL, SLIDING
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.hf.recurrent.kinds import NamedKinds
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, require

_WORDS = {FULL: FULL, SLIDING: SLIDING}


def _fourth_from_the_last(fields: Fields, num_layers: int) -> list[str]:
    """The last layer and every fourth before it attend to everything (Muse)."""
    return [SLIDING if (num_layers - 1 - layer) % 4 else FULL for layer in range(num_layers)]


def _padded(fields: Fields, name: str, num_layers: int) -> list[str]:
    """A list with one word a layer, and in older files one for each layer that predicts later tokens (Step 3)."""
    words = fields.items(name, str)
    more = fields.count(MTP, zero=True)
    require(len(words) in (num_layers, num_layers + more), name, f"{num_layers} words", len(words))
    return words[:num_layers]


def _kinds_of_step(fields: Fields, num_layers: int) -> list[str]:
    """Every layer attends to everything, or a list says.

    Raises:
        ConfigError: A word of the list is none of the two.
    """
    if not fields.has("layer_types"):
        return [FULL] * num_layers
    words = _padded(fields, "layer_types", num_layers)
    require(set(words) <= set(_WORDS), "layer_types", f"{FULL} or {SLIDING}", sorted(set(words) - set(_WORDS)))
    return words


@listing
def _routing_of_step(fields: Fields, num_layers: int) -> list[bool]:
    """The list ``mlp_layer_types``, the numbers of ``moe_layers_enum``, or all but the first three layers.

    Raises:
        ConfigError: A word is none of the two, or a number is none.
    """
    if fields.has("mlp_layer_types"):
        words = _padded(fields, "mlp_layer_types", num_layers)
        require(set(words) <= {"dense", "sparse"}, "mlp_layer_types", "dense or sparse", sorted(set(words)))
        return [word == "sparse" for word in words]
    if not fields.has("moe_layers_enum"):
        return [layer >= 3 for layer in range(num_layers)]
    stated = fields.value("moe_layers_enum")
    numbers = stated.split(",") if isinstance(stated, str) else stated
    whole = isinstance(numbers, list) and all(str(number).strip().isdigit() for number in numbers)
    require(whole, "moe_layers_enum", "numbers of layers", stated)
    routed = {int(number) for number in numbers}
    return [layer in routed for layer in range(num_layers)]


def _heads_of_step(fields: Fields, kinds: list[str]) -> dict[int, dict[str, Any]]:
    """The heads of layers with a window, by rows, by a field, or by the table of older files."""
    if fields.has("per_layer_config"):
        return stated_rows(fields, "per_layer_config", len(kinds), ("num_attention_heads",))
    names = ("num_sliding_attention_heads", "attention_other_setting.num_attention_heads")
    stated = next((name for name in names if fields.has(name)), "num_attention_heads")
    heads = {"num_attention_heads": fields.count(stated)}
    return {layer: heads for layer, kind in enumerate(kinds) if kind == SLIDING}


@dataclass(frozen=True, kw_only=True)
class OfTwoModalities(Routed):
    """Experts of text and as many of images, whose widths stand in one list (ERNIE 4.5 VL)."""

    def read(self, fields: Fields) -> MoE:
        """Read the experts of text, with those that text never takes.

        Raises:
            ConfigError: The list has not two widths.
        """
        widths = fields.items(self.width[0], int)
        require(len(widths) == 2, self.width[0], "a width for text and one for images", widths)
        moe = super().read(fields.over({self.width[0]: widths[0]}))
        require(widths[1] > 0, self.width[0], "positive widths", widths)
        return replace(moe, num_other_experts=moe.num_experts, d_other=widths[1])

    def write(self, ffn: MoE) -> dict[str, Any]:
        """Write the widths of both kinds of experts.

        Raises:
            ConfigError: There are other experts than as many of images.
        """
        if ffn.num_other_experts != ffn.num_experts:
            raise ConfigError("experts: must be as many of images as of text")
        return super().write(ffn) | {self.width[0]: [ffn.d_expert, ffn.d_other]}


_GATED = replace(BIASED, head_dim=128, output_gate=True, gate_bias=False)
_GLIMMER = ConfigFamily(
    architecture="MuseGlimmerForCausalLM",
    attention=_GATED,
    kinds=NamedKinds(words=_WORDS, otherwise=_fourth_from_the_last, fields=("layer_types",)),
    dense=Dense(activation="hidden_activation"),
    num_norms=4,
    defaults=UNTIED | BIAS,
)

ROUTED_TEXTS: dict[str, ConfigFamily] = {
    "cosmos3_edge_text": ConfigFamily(
        architecture="Cosmos3EdgeForCausalLM",
        attention=replace(BIASED_MHA, head_dim=128),
        dense=Dense(gated=False, bias="mlp_bias"),
        defaults=UNTIED | BIAS | MHA | {"mlp_bias": False},
    ),
    "ernie4_5_vl_moe_text": ConfigFamily(
        architecture="Ernie4_5_VLMoeForCausalLM",
        attention=Gqa(null_kv=True),
        routed=OfTwoModalities(
            experts=("moe_num_experts", "num_experts"),
            top_k=("moe_k", "num_experts_per_tok"),
            shared_count="moe_num_shared_experts",
        ),
        pattern=listed_or_all_but_first,
        defaults=TIED,
        only={"use_bias": False},
    ),
    "muse_glimmer_text": _GLIMMER,
    "muse_spark_text": replace(
        _GLIMMER,
        architecture="MuseSparkForCausalLM",
        attention=replace(_GATED, head_dim=64),
        dense=Dense(),
        routed=Routed(experts=("num_local_experts",), latent="moe_hidden_size", latent_norms=True),
        pattern=listed_or_every,
        num_norms=3,
        num_scales=2,
    ),
    "qwen3_omni_moe_text": ConfigFamily(
        architecture="Qwen3OmniMoeForCausalLM",
        attention=replace(NORMED, floored=True),
        routed=Routed(),
        pattern=sparse_step,
        defaults=UNTIED | BIAS | QWEN_WINDOW | {"decoder_sparse_step": 1, "mlp_only_layers": []},
    ),
    "step3p5": ConfigFamily(
        architecture="Step3p7ForCausalLM",
        attention=replace(NORMED, head_dim=128, output_gate=True, gate_bias=False, gating="gating"),
        kinds=_kinds_of_step,
        rows=_heads_of_step,
        routed=Routed(experts=("n_routed_experts",), shared_width="share_expert_dim", shared_needed=True),
        pattern=_routing_of_step,
        uncounted={MTP: "its layers of multi-token prediction"},
        aliases={
            "num_local_experts": "n_routed_experts",
            "num_attention_groups": "num_key_value_heads",
            "moe_num_experts": "n_routed_experts",
            "moe_top_k": "num_experts_per_tok",
            "share_expert_dims": "share_expert_dim",
            "num_mtp_layers": MTP,
        },
        defaults=UNTIED | BIAS | {"gating": True, MTP: 0},
        only={"mlp_bias": False},
    ),
}
"""By ``model_type``."""
