"""Words by which a space of designs is stated."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

AttentionKind = Literal["mha", "gqa", "mla", "gqa-swa", "gqa-gdn"]
"""A key-value head for each head, grouped heads, latent attention; grouped heads in every n-th layer, and in the
others the same heads in a sliding window (swa) or linear attention by the gated delta rule (gdn)."""

GROUPED: tuple[AttentionKind, ...] = ("gqa", "gqa-swa", "gqa-gdn")
"""Kinds with key-value heads that heads share."""

WINDOW_TOKENS = 128
"""Tokens of a sliding window unless stated: gpt-oss-20b and -120b (config.json, 2025); Gemma 3 has 1,024."""

FULL_EVERY: Mapping[AttentionKind, int] = MappingProxyType({"gqa-swa": 2, "gqa-gdn": 4})
"""Every so many layers one attends to everything, by kind of attention, unless stated: gpt-oss-20b and -120b, and
Qwen3-Next-80B-A3B and Qwen3.5-397B-A17B (their config.json). No law sees what fewer such layers cost in loss."""

DenseLayerWidth = Literal["active", "expert"]
"""How wide the feed-forwards of a routed model's dense layers are.

As all experts that a token uses together, so that no layer costs more FLOPs than another (config.json of
DeepSeek-V3: 18432 = (8 + 1)·2048, of Llama 4: 16384 = (1 + 1)·8192); or as one expert (Yun 2024, arXiv
2404.02852: an expert is a copy of the dense feed-forward)."""

CountedDollars = Literal["total", "serving"]
"""Dollars that are minimised: those of training and the lifetime's serving, or serving alone."""

Searched = Literal["the space", "near an earlier plan"]
"""What a plan looked at: the whole space, or the designs near an earlier plan of it alone."""
