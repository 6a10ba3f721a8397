"""Number formats of stored values, and which part of a model is stored in which."""
