"""Feed-forwards, one file each: what a feed-forward stores and computes stands with its fields."""
