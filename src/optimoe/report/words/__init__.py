"""Results in labelled lines."""
