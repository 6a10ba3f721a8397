"""Mixers that keep a state of fixed size, one file each: linear attention, state spaces, gated recurrences."""
