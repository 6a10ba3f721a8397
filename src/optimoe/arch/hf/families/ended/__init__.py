"""Decoders with more than layers between embedding and unembedding, or with other modalities beside them."""

from optimoe.arch.hf.families.ended.beside import BESIDE
from optimoe.arch.hf.families.ended.drafts import DRAFTS
from optimoe.arch.hf.families.ended.tables import TABLES
from optimoe.arch.hf.family import ConfigFamily

ENDED: dict[str, ConfigFamily] = TABLES | DRAFTS | BESIDE
"""By ``model_type``."""
