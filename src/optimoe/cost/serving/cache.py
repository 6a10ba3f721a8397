"""How many tokens, blocks and requests at once so many free bytes of each GPU hold, as engines count them."""

import math
from dataclasses import dataclass

from optimoe.arch.memory import STATE_BYTES
from optimoe.arch.parts import UNLIMITED_WINDOW, Mixer
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.served import as_served
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import deepest_stage_share
from optimoe.cost.serving.memory import request_bytes

FAR_TOKENS = UNLIMITED_WINDOW
"""A sequence that is longer than any window."""

NEAR_COUNTS = 1.25
"""Kinds whose layers differ by less are put into groups of the larger: vllm/v1/core/kv_cache_utils.py."""


@dataclass(frozen=True, kw_only=True)
class CacheCapacity:
    """What the cache of a deployment holds.

    Attributes:
        tokens: Of the whole deployment, each attention rank's own cache added up.
        blocks: Of one attention rank.
        block_tokens: Tokens of a block.
        max_concurrency: Requests of ``length`` tokens at once, over all ranks; not whole.
        length: Tokens of each of those requests.
        request_bytes: What one of them sets aside on a GPU.
    """

    tokens: int
    blocks: int
    block_tokens: int
    max_concurrency: float
    length: int
    request_bytes: float


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Layers that cache alike, on one GPU.

    Attributes:
        layers: How many.
        token_bytes: Of one token in one of them; 0 of a recurrent state.
        state_bytes: Of one sequence's state in one of them.
        window_tokens: Tokens that they keep.
    """

    layers: float
    token_bytes: float = 0.0
    state_bytes: float = 0.0
    window_tokens: float = math.inf


def kv_tokens(machine: Machine, engine: Engine, arch: ArchSpec, free_bytes: float, length: int) -> CacheCapacity:
    """What ``free_bytes`` of every GPU hold, in the engine's own blocks.

    Layers of one kind: blocks = ⌊free/(block·bytes of a token)⌋, tokens = blocks·block, requests =
    blocks/⌈length/block⌉. Of several: what a request holds of each, unless they share pages (:func:`_shared`).

    Args:
        machine: GPU and layout.
        engine: Its chunk, the cache's precision, and how it deals its cache out.
        arch: The model.
        free_bytes: Of one GPU, for the cache, as an engine's log prints it.
        length: Tokens of the requests that are counted.

    Raises:
        ConfigError: The length is no token.
    """
    require(length >= 1, "length", "at least 1 token", length)
    machine, arch = as_served(machine, engine, arch)
    free, block = max(float(free_bytes), 0.0), engine.pool.block_tokens
    kinds = _kinds(machine, arch)
    if len(kinds) == 1 and kinds[0].token_bytes and math.isinf(kinds[0].window_tokens):
        block_bytes = block * kinds[0].layers * kinds[0].token_bytes
        blocks, need = free // block_bytes, math.ceil(length / block)
        tokens, requests, held = blocks * block, blocks / need, need * block_bytes
    elif engine.pool.shared_pages and any(kind.token_bytes for kind in kinds) and _by_token(arch):
        return _shared(kinds, engine, free, length, int(machine.layout.dp))
    else:
        held = float(request_bytes(machine, arch, length))
        requests = free / held
        tokens = requests * length
        blocks = tokens // block
    ranks = int(machine.layout.dp)
    return CacheCapacity(
        tokens=int(tokens) * ranks,
        blocks=int(blocks),
        block_tokens=block,
        max_concurrency=requests * ranks,
        length=length,
        request_bytes=held,
    )


def _shared(kinds: list[_Kind], engine: Engine, free: float, length: int, ranks: int) -> CacheCapacity:
    """Kinds that draw pages of one size from one pool, as vLLM's hybrid cache.

    A page holds a block of the dearest kind, or a recurrent state if that is larger; the other kinds get as many
    tokens into it as fit. Layers are put into groups of as many as the rarest kind has, and a block is one page of
    each layer of a group. A request takes ⌈length/block⌉ blocks of a group of full layers,
    ⌈min(window − 1 + chunk, length)/block⌉ + 1 of windowed ones and 1 of recurrent ones; tokens are the blocks
    over the groups, times the block. Source: vllm-project/vllm, vllm/v1/core/kv_cache_utils.py and
    vllm/v1/kv_cache_interface.py.
    """
    dearest = max(kind.token_bytes for kind in kinds)
    state = max(kind.state_bytes for kind in kinds)
    block = engine.pool.block_tokens * max(1, math.ceil(state / (dearest * engine.pool.block_tokens)))
    page = dearest * block
    fewest, most = (pick(kind.layers for kind in kinds) for pick in (min, max))
    size = most if most < NEAR_COUNTS * fewest else fewest
    groups = [math.ceil(kind.layers / size) for kind in kinds]
    blocks = free // (page * size)
    need = sum(
        number * _blocks(kind, page, engine.chunk_tokens, length)
        for number, kind in zip(groups, kinds, strict=True)
    )
    return CacheCapacity(
        tokens=int(blocks // sum(groups) * block) * ranks,
        blocks=int(blocks),
        block_tokens=block,
        max_concurrency=blocks / need * ranks,
        length=length,
        request_bytes=need * page * size,
    )


def _blocks(kind: _Kind, page: float, chunk_tokens: int, length: int) -> int:
    """Blocks that a request takes of a group of such layers."""
    if not kind.token_bytes:
        return 1
    block = page // kind.token_bytes
    if math.isinf(kind.window_tokens):
        return math.ceil(length / block)
    # One more: a window need not begin where a block does.
    return math.ceil(min(kind.window_tokens - 1 + chunk_tokens, length) / block) + 1


def _kinds(machine: Machine, arch: ArchSpec) -> list[_Kind]:
    """Layers of the deepest stage that cache, put together by what a token and a sequence take in them."""
    value = bytes_per_value(machine.kv_precision)
    stage = float(deepest_stage_share(arch, machine.layout.pp))
    layers: dict[tuple[float, float, float], float] = {}
    mixers = [(group.num_layers, member) for group in arch.layers for member in group.mixer.members]
    for number, mixer in mixers:
        shards = float(machine.cache_shards(mixer.cache_heads))
        for kind in (
            (mixer.cache_values * value / shards, 0.0, _window(mixer)),
            (0.0, mixer.state_values * STATE_BYTES / shards, math.inf),
        ):
            if kind[0] or kind[1]:
                layers[kind] = layers.get(kind, 0.0) + number * stage
    return [
        _Kind(layers=number, token_bytes=token, state_bytes=state, window_tokens=window)
        for (token, state, window), number in layers.items()
    ]


def _by_token(arch: ArchSpec) -> bool:
    """Whether every cache holds values token by token, as pages do; entries of several tokens do not."""
    mixers = [group.mixer for group in arch.layers]
    return all(mixer.held_values(1) == mixer.cache_values for mixer in mixers)


def _window(mixer: Mixer) -> float:
    """Tokens that a mixer's cache holds at most; infinite where it keeps all."""
    if not mixer.cache_values:
        return math.inf
    held = mixer.held_values(FAR_TOKENS) / mixer.cache_values
    return math.inf if held >= FAR_TOKENS / 2 else float(held)
