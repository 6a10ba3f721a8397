"""What is seen of served models, as JSON: sizes from speeds, prices from measured latencies."""
