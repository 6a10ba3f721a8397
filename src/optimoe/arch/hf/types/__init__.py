"""What a ``model_type`` stands for: a wrapper around a language model, no decoder at all, or nothing that is known."""
