"""Results of other load generators as latency records."""
