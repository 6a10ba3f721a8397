"""Field tables of what stands at the two ends of a model."""
