"""Checkpoints that are whole or not there: written beside, named by their step, verified by checksum when read."""
