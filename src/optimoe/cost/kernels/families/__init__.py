"""Seconds of each family of kernels, from the shape of a call and the curve of its table."""
