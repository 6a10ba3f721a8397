"""Accelerators, their links, and what an hour of them costs."""
