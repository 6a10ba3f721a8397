"""Decoders of latent attention, or of attention over compressed entries, by what their layers are made of."""

from optimoe.arch.hf.families.latent.compressed import COMPRESSED
from optimoe.arch.hf.families.latent.plain import PLAIN
from optimoe.arch.hf.families.latent.shortcut import SHORTCUT
from optimoe.arch.hf.families.latent.windows import WINDOWS
from optimoe.arch.hf.family import ConfigFamily

LATENT: dict[str, ConfigFamily] = PLAIN | COMPRESSED | SHORTCUT | WINDOWS
"""By ``model_type``."""
