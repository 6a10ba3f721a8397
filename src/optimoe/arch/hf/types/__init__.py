"""What a ``model_type`` is that is no family: a wrapper around a language model, no decoder, or unknown."""
