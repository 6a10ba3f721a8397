"""Serving engines of others: the commands that start them on a model, and their lives from start to end."""
