"""Kernels of the parts of a layer, by the kind of each part; those of files of their own are known from here on."""

from optimoe.cost.layers.parts import convolved, heads

__all__ = ["convolved", "heads"]
