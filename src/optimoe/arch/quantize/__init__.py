"""A model in other formats than its checkpoint's."""

from optimoe.arch.quantize.words import AUTO, with_precision

__all__ = ["AUTO", "with_precision"]
