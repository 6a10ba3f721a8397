"""A run as it is asked for, into what trains: every default written out, the model built."""

from dataclasses import replace
from typing import Any

import torch

from optimoe.arch.hf import from_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import build as build_table
from optimoe.core.config import to_table
from optimoe.core.errors import require
from optimoe.core.run import RunSpec
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.convert.hf_config import read_fields
from optimoe.models.convert.hf_families import FAMILIES
from optimoe.models.decoder import Decoder, build
from optimoe.models.routers import RouterConfig, TopK, read_router

DEFAULT_ROUTER = TopK(score="sigmoid", balanced_by_bias=True)
"""Where a run states none: DeepSeek V3's (arXiv 2412.19437, Sec. 2.1.2), without groups."""

DEFAULT_LOSSES = LossConfig(balance=1e-4, scope="sequence")
"""Where a run states none: DeepSeek V3's (Sec. 4.2), its complementary balance by sequence."""

_STATED = ("rms_norm_eps", "hidden_act")
"""Fields of a ``config.json`` that say more than a shape: where they are, the rest is read too."""


def spelled_out(run: RunSpec) -> RunSpec:
    """The run with router and losses written out, every option of them."""
    router = read_router(run.router) if run.router else DEFAULT_ROUTER
    losses = build_table(LossConfig, run.losses, "losses") if run.losses else _default_losses(router)
    chosen = {name: value for name, value in to_table(router).items() if value is not None}
    return replace(run, router=chosen, losses=to_table(losses))


def _default_losses(router: RouterConfig) -> LossConfig:
    """The default, without what does not apply to a router that balances by itself."""
    return LossConfig() if router.balanced_by_routing else DEFAULT_LOSSES


def model_config(run: RunSpec) -> ModelConfig:
    """What the run says beyond the shape: router, losses, initial scale, and what its fields state.

    Raises:
        ConfigError: A field asks for what is not built here.
    """
    whole = spelled_out(run)
    fields: dict[str, Any] = run.architecture
    stated = fields["model_type"] in FAMILIES and all(name in fields for name in _STATED)
    config = read_fields(fields, fields["model_type"]) if stated else ModelConfig()
    return replace(
        config,
        router=read_router(whole.router),
        losses=build_table(LossConfig, whole.losses, "losses"),
        init_std=run.init_std,
    )


def run_arch(run: RunSpec) -> ArchSpec:
    """The architecture of a run, without layers that predict later tokens, which are not trained here."""
    return replace(from_config(run.architecture, run.name), num_mtp_layers=0)


def make_model(run: RunSpec, device: torch.device, vocab_size: int) -> Decoder:
    """The model of a run with its initial weights, which its seed alone decides.

    Args:
        run: What is trained.
        device: Where to.
        vocab_size: Ids that the data may hold.

    Raises:
        ConfigError: The model's vocabulary is smaller, or it has a part that is not built here.
    """
    size = run_arch(run).vocab_size
    require(size >= vocab_size, "vocab_size", f"the tokenizer's {vocab_size} or more", size)
    torch.manual_seed(run.seed)
    return unfilled_model(run).to(device)


def unfilled_model(run: RunSpec) -> Decoder:
    """The model of a run, as PyTorch's default device makes it.

    Raises:
        ConfigError: It has a part that is not built here.
    """
    return build(run_arch(run), model_config(run), shape_only=True)  # a run says itself how it routes
