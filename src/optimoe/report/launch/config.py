"""The winner's ``config.json``, whole: its shape, and what an engine must know beside it."""

from typing import Any

from optimoe.arch.hf import to_config
from optimoe.planner.result import Plan

SHORT_CONTEXT = 4096
SHORT_ROPE_BASE, LONG_ROPE_BASE = 10_000.0, 500_000.0
"""Bases of rotary positions: RoFormer's (arXiv 2104.09864, Sec. 3.2.2), which Llama 2 keeps at 4,096 tokens; and
Llama 3's (arXiv 2407.21783, Sec. 3.2) for longer ones."""


def rope_base(context_tokens: int) -> float:
    """The base θ of rotary positions by which sequences of so many tokens are usually trained."""
    return SHORT_ROPE_BASE if context_tokens <= SHORT_CONTEXT else LONG_ROPE_BASE


def winner_config(plan: Plan) -> dict[str, Any]:
    """The fields with which ``transformers`` and the engines build the winner.

    A configuration without positions is loaded with the default of its family, 2,048 of some, and an engine then
    refuses every longer request.
    """
    context = plan.problem.context_tokens
    return to_config(plan.choice.spec) | {
        "max_position_embeddings": context,
        "rope_theta": rope_base(context),
        "dtype": "bfloat16",
        "torch_dtype": "bfloat16",  # what releases of transformers before 4.56 read
    }
