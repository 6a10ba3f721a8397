"""JSON of the commands that train models and use what was trained."""
