"""Runs and what comes of them, in words."""
