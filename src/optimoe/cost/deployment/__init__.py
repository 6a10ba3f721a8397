"""What a user states of a deployment: the layout over GPUs, the engine, the requests."""
