"""What papers say besides a loss: leverage, allocation, learning rates, FLOP counts, objectives."""
