"""Dense decoders that are older than Llama, or unlike it."""

from optimoe.arch.hf.families.classic.blocks import BLOCKS
from optimoe.arch.hf.families.classic.gpt import GPT
from optimoe.arch.hf.families.classic.rotary import ROTARY
from optimoe.arch.hf.family import ConfigFamily

CLASSIC: dict[str, ConfigFamily] = ROTARY | GPT | BLOCKS
"""By ``model_type``."""
