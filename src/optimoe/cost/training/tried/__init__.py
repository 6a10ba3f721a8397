"""The layouts that a search of training tries, and their steps whatever the batch."""
