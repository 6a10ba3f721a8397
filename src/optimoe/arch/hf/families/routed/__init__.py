"""Decoders of softmax attention with routed experts."""

from optimoe.arch.hf.families.routed.after_deepseek import AFTER_DEEPSEEK
from optimoe.arch.hf.families.routed.plain import PLAIN
from optimoe.arch.hf.families.routed.windowed import WINDOWED
from optimoe.arch.hf.family import ConfigFamily

ROUTED: dict[str, ConfigFamily] = PLAIN | AFTER_DEEPSEEK | WINDOWED
"""By ``model_type``."""
