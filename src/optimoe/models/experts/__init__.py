"""Routed experts, and the kernels that compute them."""
