"""Routers by name; each says whether it is causal, in training and at evaluation."""

from optimoe.arch.parts import MoE
from optimoe.models.config import RouterConfig
from optimoe.models.routers.assignment import AssignmentRouter, SinkhornRouter
from optimoe.models.routers.base import Router
from optimoe.models.routers.expert_choice import ExpertChoiceRouter
from optimoe.models.routers.hashing import HashRouter
from optimoe.models.routers.reinforce import PolicyRouter
from optimoe.models.routers.top_k import TopKRouter

AnyRouter = Router | HashRouter
_LEARNED: dict[str, type[Router]] = {
    "top_k": TopKRouter,
    "expert_choice": ExpertChoiceRouter,
    "s_base": SinkhornRouter,
    "base": AssignmentRouter,
    "rl": PolicyRouter,
}


def make_router(part: MoE, d_model: int, vocab_size: int, config: RouterConfig) -> AnyRouter:
    """The router of one layer.

    Raises:
        ConfigError: The configuration does not fit the layer's experts.
    """
    if config.kind == "hash":
        return HashRouter(part, vocab_size, config)
    return _LEARNED[config.kind](part, d_model, config)


def extra_params(part: MoE, d_model: int, config: RouterConfig) -> int:
    """Parameters beyond (or below) those that an architecture counts for a layer's router, d·E and its bias.

    Noise scales add d·E, the baseline of RL-R adds d + 1, and hash routing has none at all.
    """
    if config.kind == "hash":
        return -(d_model + part.router_bias) * part.num_experts
    return config.noise * d_model * part.num_experts + (config.kind == "rl") * (d_model + 1)


__all__ = ["AnyRouter", "Router", "extra_params", "make_router"]
