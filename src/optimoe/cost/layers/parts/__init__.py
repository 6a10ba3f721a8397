"""The kernels of one layer on one GPU: its mixer, its feed-forward, and the small ones between them."""
