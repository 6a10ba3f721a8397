"""Bytes at rest: weights by precision, the growing cache, and the fixed state of recurrent mixers."""

from optimoe.arch.params import ParamCount
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec

STATE_BYTES = 4
"""Recurrent states are kept in fp32 (Mamba's and the gated delta rule's own code)."""


def weight_bytes(params: ParamCount, precision: str = "bf16") -> float:
    """Bytes of all weights in one precision (makers often keep norms, router and embeddings in bf16)."""
    return params.total * bytes_per_value(precision)


def kv_bytes_per_token(arch: ArchSpec, precision: str = "bf16") -> float:
    """Cache bytes that one more token adds while no window is full; 0 from recurrent mixers."""
    values = sum(group.num_layers * group.mixer.cache_values for group in arch.layers)
    return values * bytes_per_value(precision)


def state_bytes(arch: ArchSpec) -> float:
    """Bytes of one sequence's recurrent states and convolution tails, whatever its length."""
    return STATE_BYTES * sum(group.num_layers * group.mixer.state_values for group in arch.layers)


def kv_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Bytes of one sequence of ``tokens``: the cache, a window holding no more than its width, and the states."""
    values = sum(group.num_layers * group.mixer.held_values(tokens) for group in arch.layers)
    return values * bytes_per_value(precision) + state_bytes(arch)


def kv_read_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Bytes that decoding one token reads of a sequence of ``tokens``: its cache and states.

    An indexer reads every index key, and the latents of its selection only.
    """
    values = sum(group.num_layers * group.mixer.read_values(tokens) for group in arch.layers)
    return values * bytes_per_value(precision) + state_bytes(arch)
