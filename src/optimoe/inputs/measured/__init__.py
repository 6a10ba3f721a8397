"""Requests about what was measured of served models: calibrations, and sizes from speeds."""
