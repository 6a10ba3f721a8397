"""Kernels of the parts of a layer, by the kind of each part; those of experts of heads are known from here on."""

from optimoe.cost.layers.parts import heads

__all__ = ["heads"]
