"""Modules without storage, for tests: they have the shapes of all their tensors, and no values."""

from optimoe.models.convert.foreign.built import without_storage

__all__ = ["without_storage"]
