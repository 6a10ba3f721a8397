"""Commands about serving and training a model."""
