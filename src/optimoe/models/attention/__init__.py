"""Softmax attention: where tokens stand, what they see, and the two kinds of heads."""
