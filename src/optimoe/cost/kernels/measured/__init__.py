"""Measured operator times as a source of kernel times."""
