"""Softmax attention of which a token takes a part that it chooses: blocks of keys, or experts of heads."""
