"""What a model is made of: parameters, FLOPs, bytes and bytes sent, from a description alone."""
