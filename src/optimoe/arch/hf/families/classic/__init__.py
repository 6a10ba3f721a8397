"""Dense decoders that are older than Llama, or unlike it."""

from optimoe.arch.hf.families.classic.gpt import GPT
from optimoe.arch.hf.families.classic.rotary import ROTARY
from optimoe.arch.hf.family import ConfigFamily

CLASSIC: dict[str, ConfigFamily] = ROTARY | GPT
"""By ``model_type``."""
