"""Figures: what to show as plotly figure data, one style for all, and the same numbers as tables."""
