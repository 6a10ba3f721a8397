"""What is seen of served models, in words: sizes from speeds, prices from measured latencies."""
