"""Commands that train models and use what was trained."""
