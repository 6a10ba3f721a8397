"""Serving engines: what each does beside the kernels, which times it adds and which memory it takes."""
