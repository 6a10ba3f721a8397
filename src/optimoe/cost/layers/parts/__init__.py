"""Kernels of the parts of a layer, by the kind of each part; those of their own files are known from here."""

from optimoe.cost.layers.parts import convolved, heads

__all__ = ["convolved", "heads"]
