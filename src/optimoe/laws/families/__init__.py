"""Losses: one class per equation, grouped by paper."""
