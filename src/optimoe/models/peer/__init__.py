"""A million tiny experts, retrieved by product keys (PEER)."""
