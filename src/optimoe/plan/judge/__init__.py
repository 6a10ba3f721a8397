"""What one asks of a plan: how sure, from which numbers, what to try first, what a paper says."""
