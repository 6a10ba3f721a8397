"""Language models of several modalities that no family is under another name: DeepSeek-OCR 2, Molmo 2."""

from dataclasses import dataclass, replace
from typing import Any

from optimoe.arch.hf.ends.tables import StatedRows
from optimoe.arch.hf.families.dense import DENSE
from optimoe.arch.hf.families.dense_today import DENSE_TODAY
from optimoe.arch.hf.families.shared import BIAS, DEEPSEEK, MHA, UNTIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import listed_or_leading
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import Attention, QkNorm
from optimoe.core.errors import require_choice

_NORMS: dict[str, QkNorm] = {"qwen3": "head", "olmo": "full"}


@dataclass(frozen=True, kw_only=True)
class NormedAs(Gqa):
    """Attention whose norms of queries and keys are those of the family that a field names (Molmo 2)."""

    def read(self, fields: Fields, d_model: int, window: int, chunked: bool) -> Attention:
        """The attention of a layer with that window."""
        word = fields.text("qk_norm_type")
        require_choice(word, "qk_norm_type", _NORMS)
        return replace(super().read(fields, d_model, window, chunked), qk_norm=_NORMS[word])

    def write(self, mixer: Attention) -> dict[str, Any]:
        """The fields of an attention."""
        word = next((word for word, norm in _NORMS.items() if norm == mixer.qk_norm), "")
        return super().write(mixer) | {"qk_norm_type": word}


TEXTS_APART: dict[str, ConfigFamily] = {
    "deepseek_ocr2_text": ConfigFamily(
        architecture="DeepseekOcr2ForConditionalGeneration",
        attention=Gqa(qkv_bias="attention_bias", output_bias="attention_bias", null_kv=True, head_field=""),
        routed=DEEPSEEK,
        pattern=listed_or_leading,
        defaults=UNTIED | BIAS | MHA,
        only={"mlp_bias": False},
    ),
    "emu3_text_model": replace(
        DENSE["llama"],
        architecture="Emu3ForCausalLM",
        defaults=DENSE["llama"].defaults | {"num_key_value_heads": 8},
    ),
    "glm_ocr_text": replace(DENSE_TODAY["glm4"], attention=Gqa(null_kv=True)),
    "molmo2_text": ConfigFamily(
        architecture="Molmo2ForConditionalGeneration",
        attention=NormedAs(qkv_bias="attention_bias", head_dim=128),
        ends=StatedRows(rows="additional_vocab_size"),
        defaults=UNTIED | BIAS | {"qk_norm_type": "qwen3", "additional_vocab_size": 128},
    ),
}
"""By ``model_type`` of the table of the language model."""
