"""How many GPUs, in which layout: searches, fleets, split prefill, curves, and dense models that cost as much."""
