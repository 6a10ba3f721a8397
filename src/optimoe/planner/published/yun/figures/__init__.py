"""Figures of Yun 2024, asked of published laws and of its own coefficients as inferred."""
