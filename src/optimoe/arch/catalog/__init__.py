"""Models by name, by file, or stated by hand."""

from optimoe.arch.catalog.models import find_model, model_names
from optimoe.arch.catalog.shape import StatedShape, parse_shape, read_shape

__all__ = ["StatedShape", "find_model", "model_names", "parse_shape", "read_shape"]
