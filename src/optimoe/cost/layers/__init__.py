"""The kernels of a layer on one GPU of a group, and what GPUs send each other in a pass."""
