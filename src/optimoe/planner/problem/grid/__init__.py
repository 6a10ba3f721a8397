"""Grids of designs: the steps of widths, depths, heads and experts, and how a list of shapes becomes a grid."""
