"""Seconds, bytes and dollars of a model on hardware. Knows nothing of loss."""
