"""A thin asynchronous client: bytes are stamped when the kernel tells of them, and parsed afterwards."""
