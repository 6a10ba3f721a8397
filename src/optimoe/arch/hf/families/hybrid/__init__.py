"""Decoders with recurrent layers, by the kind of these."""

from optimoe.arch.hf.families.hybrid.convolution import CONVOLUTION
from optimoe.arch.hf.families.hybrid.exponential import EXPONENTIAL
from optimoe.arch.hf.families.hybrid.linear import LINEAR_ATTENTION
from optimoe.arch.hf.families.hybrid.shared_block import SHARED_BLOCK
from optimoe.arch.hf.families.hybrid.state_space import STATE_SPACE

HYBRID = LINEAR_ATTENTION | STATE_SPACE | SHARED_BLOCK | CONVOLUTION | EXPONENTIAL
"""By ``model_type``."""
