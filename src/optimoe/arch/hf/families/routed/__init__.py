"""Decoders of softmax attention with routed experts."""

from optimoe.arch.hf.families.routed.after_deepseek import AFTER_DEEPSEEK
from optimoe.arch.hf.families.routed.convolved import CONVOLVED
from optimoe.arch.hf.families.routed.keyed import KEYED
from optimoe.arch.hf.families.routed.passed_again import PASSED_AGAIN
from optimoe.arch.hf.families.routed.plain import PLAIN
from optimoe.arch.hf.families.routed.windowed import WINDOWED
from optimoe.arch.hf.family import ConfigFamily

ROUTED: dict[str, ConfigFamily] = PLAIN | AFTER_DEEPSEEK | WINDOWED | CONVOLVED | PASSED_AGAIN | KEYED
"""By ``model_type``."""
