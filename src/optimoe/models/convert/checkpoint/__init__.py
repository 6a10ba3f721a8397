"""Tensors as the files of a checkpoint hold them: in shards, and quantised."""
