"""Routed experts, and ways to compute them fast."""
