"""Models that draft for another and attend to its cache: the assistants of Gemma 4."""

from dataclasses import dataclass, replace
from typing import Any

from optimoe.arch.hf.ends.tables import Drafting
from optimoe.arch.hf.families.gemma import GEMMA, Gemma4Stack
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Config, Fields
from optimoe.arch.hf.layers import window
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import require, shown

_SHARED = "num_kv_shared_layers"


class DraftStack(Gemma4Stack):
    """Layers of Gemma 4 that all attend to the cache of the model that is drafted for."""

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields; 0 shared layers are all of them."""
        kinds = self.kinds(fields, fields.depth())
        shared = fields.count(_SHARED, zero=True)
        require(shared in (0, len(kinds)), _SHARED, f"0 or all {len(kinds)} layers", shared)
        own = {kind: self.attention.read(fields, d_model, window(fields, kind), False) for kind in set(kinds)}
        return self.around(fields, d_model, [replace(own[kind], shared_kv=True) for kind in kinds])

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from; none has an embedding of its own."""
        return super().write(layers) | {self.rows: 0}


@dataclass(frozen=True, kw_only=True)
class Draft(ConfigFamily):
    """A family whose fields stand in a table of the model that it is made of.

    Attributes:
        text: The only ``model_type`` that the table may have.
    """

    text: str = ""

    def fields(self, config: Config) -> Fields:
        """The fields of both tables."""
        fields = super().fields(config)
        stated = config[self.part].get("model_type", self.text)
        require(stated == self.text, f"{self.part}.model_type", self.text, shown(str(stated)))
        return fields


def _draft(architecture: str, text: str) -> Draft:
    family = GEMMA[text]
    return Draft(
        architecture=architecture,
        text=text,
        part="text_config",
        outside=("tie_word_embeddings", "backbone_hidden_size", "use_ordered_embeddings", "num_centroids"),
        stack=DraftStack(),
        ends=Drafting(),
        defaults=family.defaults | {Gemma4Stack.width: 0, "use_ordered_embeddings": False},
        only={"enable_moe_block": False, "use_double_wide_mlp": False, Gemma4Stack.width: 0},
        remark="a draft for another model, whose cache it reads",
    )


DRAFTS: dict[str, ConfigFamily] = {
    "gemma4_assistant": _draft("Gemma4AssistantForCausalLM", "gemma4_text"),
    "gemma4_unified_assistant": _draft("Gemma4UnifiedAssistantForCausalLM", "gemma4_unified_text"),
}
"""By ``model_type``."""
