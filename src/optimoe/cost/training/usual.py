"""The batch and the sequence of a training run where nothing is stated; assumed, and light to import."""

USUAL_BATCH_TOKENS, USUAL_SEQ_LEN = 4_194_304, 4096
"""Tokens of a step and of a sequence."""
