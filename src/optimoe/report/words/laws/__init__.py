"""Fits and what they answer in labelled lines and columns."""
