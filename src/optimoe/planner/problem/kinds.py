"""Words by which a space of designs is stated."""

from typing import Literal

AttentionKind = Literal["mha", "gqa", "mla"]

DenseLayerWidth = Literal["active", "expert"]
"""How wide the feed-forwards of a routed model's dense layers are.

As all experts that a token uses together, so that no layer costs more FLOPs than another (config.json of
DeepSeek-V3: 18432 = (8 + 1)·2048, of Llama 4: 16384 = (1 + 1)·8192); or as one expert (Yun 2024, arXiv
2404.02852: an expert is a copy of the dense feed-forward)."""

CountedDollars = Literal["total", "serving"]
"""Dollars that are minimised: those of training and the lifetime's serving, or serving alone."""
