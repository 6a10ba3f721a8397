"""A run as it is asked for, into what trains: every default written out, the model built."""

from bisect import bisect_left
from dataclasses import replace
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from optimoe.arch.flops import FrozenShares
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.hf.own import FUNCTION, OWN
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import build as build_table
from optimoe.core.config import to_table
from optimoe.core.errors import InputError, require, require_choice
from optimoe.core.run import RunSpec, Stage
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.convert.hf_config import read_fields
from optimoe.models.convert.lifelong import Growth, grow, merge, with_more_experts
from optimoe.models.convert.lora import Lora, add_lora
from optimoe.models.decoder import Decoder, build
from optimoe.models.routers import RouterConfig, TopK, read_router
from optimoe.models.traits.needs import OF_ROUTERS

DEFAULT_ROUTER = TopK(score="sigmoid", balanced_by_bias=True)
"""Where neither run nor ``config.json`` states one: DeepSeek V3's (arXiv 2412.19437, Sec. 2.1.2), ungrouped."""

BIASED_LOSSES = LossConfig(balance=1e-4, scope="sequence")
"""Where a run states none and biases balance: DeepSeek V3's (Sec. 4.2), its complementary balance by sequence."""

PLAIN_LOSSES = LossConfig(balance=0.01)
"""Where a run states none and nothing else balances: Switch's (arXiv 2101.03961, Sec. 2.2)."""

OWN_FIELDS = ("layer_routers", "activation", "rotary", "norm_eps", "multipliers")
"""Of a model's configuration, what a run says in the table ``model`` of its own form of architecture."""

MOST_LOGITS = 1 << 28
"""Of one pass where nobody says how many sequences it has: 1 GiB in float32, and as much for their gradient."""

MOST_TOKENS = 16_384
"""Of one pass likewise: more gain little, and their activations grow."""

_NO_FUNCTION = {
    "architectures", "bos_token_id", "dtype", "eos_token_id", "initializer_range", "intermediate_size",
    "max_position_embeddings", "pad_token_id", "torch_dtype", "transformers_version", "use_cache",
}  # fmt: skip
"""Fields of a ``config.json`` that say nothing of what is computed with a shape."""


def spelled_out(run: RunSpec) -> RunSpec:
    """The run with router, losses, growth and LoRA written out, every option of them."""
    router = read_router(run.router) if run.router else _function(run).router
    losses = build_table(LossConfig, run.losses, "losses") if run.losses else _default_losses(run, router)
    chosen = {name: value for name, value in to_table(router).items() if value is not None}
    stages = tuple(
        replace(stage, growth=_spelled(Growth, stage.growth, "growth"), lora=_spelled(Lora, stage.lora, "lora"))
        for stage in run.stages
    )
    return replace(run, router=chosen, losses=to_table(losses), stages=stages)


def _spelled(cls: type[Growth] | type[Lora], table: dict[str, Any], where: str) -> dict[str, Any]:
    """All options of a table, or none of an empty one."""
    return to_table(build_table(cls, table, where)) if table else {}


def _default_losses(run: RunSpec, router: RouterConfig) -> LossConfig:
    """The default, by what balances the routers that do not by themselves."""
    routers = [router, *(some.router for some in _function(run).layer_routers)]
    others = [one for one in routers if not one.balanced_by_routing]
    if not others:
        return LossConfig()
    return BIASED_LOSSES if all(one.balanced_by_bias for one in others) else PLAIN_LOSSES


def model_config(run: RunSpec) -> ModelConfig:
    """What the run says beyond the shape: router, losses, initial scale, and the function that its fields state.

    Raises:
        ConfigError: A field asks for what is not built here, or two say the same.
    """
    whole = spelled_out(run)
    return replace(
        _function(run),
        router=read_router(whole.router),
        losses=build_table(LossConfig, whole.losses, "losses"),
        init_std=run.init_std,
    )


def _function(run: RunSpec) -> ModelConfig:
    """Activation, positions, norms, factors and routers; the defaults where none are stated.

    Raises:
        ConfigError: A field is missing or asks for what is not built here.
        UnknownNameError: No such field, router or option.
    """
    fields: dict[str, Any] = run.architecture
    if fields["model_type"] == OWN:
        table = fields.get(FUNCTION, {})
        require(isinstance(table, dict), f"architecture.{FUNCTION}", "a table", table)
        for name in table:
            require_choice(name, f"architecture.{FUNCTION}: field", OWN_FIELDS)
        return replace(ModelConfig.from_table(table, f"architecture.{FUNCTION}"), router=DEFAULT_ROUTER)
    if _is_shape(run):
        return ModelConfig(router=DEFAULT_ROUTER)
    return read_fields(fields, fields["model_type"])


def _is_shape(run: RunSpec) -> bool:
    """Whether the fields state a shape alone, as plans write it; its function is then the trainer's default."""
    try:
        written = to_config(from_config(run.architecture, run.name), run.architecture["model_type"])
    except InputError:  # a family that is read and cannot be written states more than a shape
        return False
    stated = {name: value for name, value in run.architecture.items() if name not in _NO_FUNCTION}
    return all(name in written and written[name] == value for name, value in stated.items())


def run_arch(run: RunSpec) -> ArchSpec:
    """The architecture of a run, without layers that predict later tokens, which are not trained here.

    It keeps the traits that the model must have: all that are stated, but for those of its routers where the run
    states a router.
    """
    arch = from_config(run.architecture, run.name)
    asked = [trait for trait in arch.traits if not (run.router and trait.partition("=")[0] in OF_ROUTERS)]
    return replace(arch, num_mtp_layers=0, traits=() if _is_shape(run) else tuple(asked))


def make_model(run: RunSpec, device: torch.device, vocab_size: int) -> Decoder:
    """The model of a run with its initial weights, which its seed alone decides.

    Args:
        run: What is trained.
        device: Where to.
        vocab_size: Ids that the data may hold.

    Raises:
        ConfigError: The model's vocabulary is smaller, or it has a part that is not built here.
    """
    require_vocabulary(run, vocab_size)
    torch.manual_seed(run.seed)
    return untrained_model(run).to(device)


def require_vocabulary(run: RunSpec, vocab_size: int) -> None:
    """Refuse a model that has fewer ids than the data may hold.

    Raises:
        ConfigError: It has fewer.
    """
    size = run_arch(run).vocab_size
    require(size >= vocab_size, "vocab_size", f"the tokenizer's {vocab_size} or more", size)


def untrained_model(run: RunSpec) -> Decoder:
    """The model of a run, its weights drawn from PyTorch's random numbers as they stand.

    Raises:
        ConfigError: It has a part that is not built here.
    """
    return build(run_arch(run), model_config(run))


def staged_model(previous: Decoder, stage: Stage) -> Decoder:
    """The model that a stage trains, from the one before it, which stays as it is.

    Raises:
        ConfigError: The stage's growth or LoRA is none, or the model cannot grow.
    """
    if stage.growth:
        return grow(previous, build_table(Growth, stage.growth, "growth"))
    if stage.lora:
        return add_lora(previous, build_table(Lora, stage.lora, "lora"))
    return merge(previous)


def formed_model(run: RunSpec, step: int) -> Decoder:
    """A model with the names and shapes that the run's has at a step, whose weights are none of the run's.

    Raises:
        ConfigError: A stage cannot be.
    """
    stages = run.stages[: stage_of(run, step) + 1]
    return reduce(staged_model, stages, untrained_model(run))


def stage_of(run: RunSpec, step: int) -> int:
    """The stage, from 0, whose model a checkpoint of a step holds: it takes the step, and those up to its end."""
    return bisect_left(run.stage_ends, max(step, 1))


def stage_archs(run: RunSpec) -> tuple[ArchSpec, ...]:
    """The architecture in each stage of a run; of one without stages, its own."""
    added = [growth.num_new_experts if growth else 0 for growth in map(_growth, run.stages)]
    return tuple(with_more_experts(run_arch(run), number) for number in accumulate(added or [0]))


def rows_of_pass(run: RunSpec) -> int:
    """Sequences of one pass: the layout's, or as many as fit."""
    if run.layout is not None:
        return run.layout.micro_batch
    tokens = min(MOST_TOKENS, MOST_LOGITS // run_arch(run).vocab_size, run.batch_tokens)
    return max(1, tokens // run.seq_len)


def frozen_shares(stage: Stage, arch: ArchSpec) -> FrozenShares:
    """What does not train in a stage; of experts and gates that grew, the old ones.

    Balanced routing gives old experts their share of the tokens, which is what is taken for it.
    """
    growth = _growth(stage)
    rest = float(bool(stage.lora) or (growth is not None and growth.dense == "frozen"))
    experts = gates = rest
    if growth is not None and arch.moe is not None:
        experts = 1 - growth.num_new_experts / arch.moe.num_experts
        gates = experts if growth.gate == "old_frozen" else 0.0
    return FrozenShares(
        mixers=rest,
        router=gates,
        dense_ffn=rest,
        shared_experts=rest,
        routed_experts=experts,
        unembedding=rest,
    )


def lora_params(run: RunSpec, number: int) -> int:
    """Parameters of the matrices of low rank that train in a stage, from 0; each token passes all of them."""
    if not run.stages[number].lora:
        return 0
    with torch.device("meta"):
        adapted = formed_model(run, run.stage_ends[number])
    return sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)


def _growth(stage: Stage) -> Growth | None:
    return build_table(Growth, stage.growth, "growth") if stage.growth else None


def seed_of(*numbers: int) -> int:
    """A seed for the random numbers of a step on a rank, or of a stage of a run, far from those of others."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
