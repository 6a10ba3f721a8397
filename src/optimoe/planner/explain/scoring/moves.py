"""Local moves of a design: one thing changed at a time, the active size kept where the move is not about it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from optimoe.arch.design import EXPERT_STEP, WIDTH_STEP, with_num_experts
from optimoe.arch.parts import (
    UNLIMITED_WINDOW,
    Attention,
    DenseFFN,
    FeedForward,
    GatedDeltaNet,
    LatentAttention,
    Mixer,
    MoE,
)
from optimoe.arch.spec import ArchSpec, LayerGroup

Move = tuple[str, ArchSpec]

DEPTH_STEP = 4 / 3
"""Layers more or fewer of a move of depth against width: assumed, about the distance of labs' aspect ratios."""

EXPERTS_OF_A_DENSE, TOP_K_OF_A_DENSE = 64, 8
"""What a dense design is routed with: the fewest experts of the catalog's top-8 models."""


def local_moves(spec: ArchSpec) -> tuple[Move, ...]:
    """Every local move of a design, in words and as a design; those that no shape allows are left out."""
    found = (_experts, _active_experts, _granularity, _shared, _attention, _windows, _depth, _size)
    return tuple(move for moves in found for move in moves(spec))


def _experts(spec: ArchSpec) -> Iterator[Move]:
    """Twice and half as many experts, or experts at all; what a token uses stays."""
    moe = spec.moe
    if moe is None:
        yield from _routed(spec)
        return
    for number in (2 * moe.num_experts, moe.num_experts // 2):
        whole = moe.num_experts % 2 == 0 or number > moe.num_experts
        if whole and number >= max(2, moe.top_k):
            words = f"E {moe.num_experts} → {number}"
            yield words, with_num_experts(spec, number)


def _routed(spec: ArchSpec) -> Iterator[Move]:
    """A dense design with experts in every layer, as wide together as its feed-forward."""
    widths = {group.ffn.d_ff for group in spec.layers if isinstance(group.ffn, DenseFFN)}
    k = TOP_K_OF_A_DENSE
    if len(widths) == 1 and (width := widths.pop()) % (k * EXPERT_STEP) == 0:
        experts = MoE(num_experts=EXPERTS_OF_A_DENSE, top_k=k, d_expert=width // k)
        layers = tuple(replace(group, ffn=experts) for group in spec.layers)
        yield f"dense → E {EXPERTS_OF_A_DENSE}, top-{k}, experts {width // k}", replace(spec, layers=layers)


def _active_experts(spec: ArchSpec) -> Iterator[Move]:
    """Twice as many active experts half as wide, and the other way round, of as many in all."""
    for k, width, words in _splits(spec):
        assert spec.moe
        if k <= spec.moe.num_experts:
            yield words, with_moe(spec, partial(_sized, num_experts=spec.moe.num_experts, top_k=k, width=width))


def _granularity(spec: ArchSpec) -> Iterator[Move]:
    """Experts half as wide and twice as many, active ones too, and the other way round: both sizes stay."""
    for k, width, words in _splits(spec):
        assert spec.moe
        number = spec.moe.num_experts * k // spec.moe.top_k
        if number * spec.moe.top_k == spec.moe.num_experts * k and number >= k:
            more = f"{words}, E {spec.moe.num_experts} → {number}"
            yield more, with_moe(spec, partial(_sized, num_experts=number, top_k=k, width=width))


def _splits(spec: ArchSpec) -> Iterator[tuple[int, int, str]]:
    """Active experts and widths of the same product: half as wide, and twice."""
    if (moe := spec.moe) is None:
        return
    for k, width in ((2 * moe.top_k, moe.d_expert // 2), (moe.top_k // 2, 2 * moe.d_expert)):
        if k and k * width == moe.top_k * moe.d_expert and width % EXPERT_STEP == 0:
            yield k, width, f"k {moe.top_k} → {k}, experts {moe.d_expert} → {width}"


def _sized(moe: MoE, num_experts: int, top_k: int, width: int) -> MoE:
    """Routed experts of another number and width; shared ones of the routed width keep their sum."""
    total = moe.num_shared_experts * moe.d_shared
    own = moe.d_shared == moe.d_expert and total % width == 0
    changed = replace(moe, num_experts=num_experts, top_k=top_k, d_expert=width)
    return replace(changed, num_shared_experts=total // width, d_shared=width) if own and total else changed


def _shared(spec: ArchSpec) -> Iterator[Move]:
    """A shared expert more for an active routed one, and one fewer for one more."""
    if (moe := spec.moe) is None or (moe.num_shared_experts and moe.d_shared != moe.d_expert):
        return
    for step in (1, -1):
        number, k = moe.num_shared_experts + step, moe.top_k - step
        if number >= 0 and 1 <= k <= moe.num_experts:

            def changed(old: MoE, number: int = number, k: int = k) -> MoE:
                width = old.d_expert if number else 0
                return replace(old, num_shared_experts=number, d_shared=width, top_k=k)

            yield f"shared {moe.num_shared_experts} → {number}, k {moe.top_k} → {k}", with_moe(spec, changed)


def _attention(spec: ArchSpec) -> Iterator[Move]:
    """Twice and half as many key-value heads; latent attention in place of grouped heads, and back."""
    mixer = spec.attention
    if isinstance(mixer, LatentAttention):
        if mixer.indexer is None and mixer.num_heads % 8 == 0:
            grouped = Attention(num_heads=mixer.num_heads, num_kv_heads=8, head_dim=mixer.qk_nope_dim)
            yield "latent attention → 8 key-value heads", with_mixer(spec, LatentAttention, lambda _: grouped)
        return
    if mixer is None:
        return
    for number in (2 * mixer.num_kv_heads, mixer.num_kv_heads // 2):
        if number and mixer.num_heads % number == 0 and number != mixer.num_kv_heads:
            words = f"key-value heads {mixer.num_kv_heads} → {number}"
            yield words, with_mixer(spec, Attention, partial(replace, num_kv_heads=number))
    latent = LatentAttention(
        num_heads=mixer.num_heads,
        kv_lora_rank=4 * mixer.head_dim,
        qk_nope_dim=mixer.head_dim,
        qk_rope_dim=mixer.head_dim // 2,
        v_dim=mixer.head_dim,
    )
    if all(isinstance(group.mixer, Attention) for group in spec.layers):
        yield (
            f"{mixer.num_kv_heads} key-value heads → latent attention",
            with_mixer(spec, Attention, lambda _: latent),
        )


def _windows(spec: ArchSpec) -> Iterator[Move]:
    """Every layer attends to everything, where some have a window; what that gains in loss no law sees."""
    windows = {group.mixer.window_tokens for group in spec.layers if isinstance(group.mixer, Attention)}
    near = windows - {UNLIMITED_WINDOW}
    if near:
        full = partial(replace, window_tokens=UNLIMITED_WINDOW, chunked=False)
        yield f"windows of {min(near):,} → full attention", with_mixer(spec, Attention, full)


def _depth(spec: ArchSpec) -> Iterator[Move]:
    """A third more layers that are narrower, and a quarter fewer that are wider, of about the same size."""
    for times, words in ((DEPTH_STEP, "deeper"), (1 / DEPTH_STEP, "wider")):
        if (changed := scaled(spec, times**-0.5, times)) is not None:
            yield f"{words}: {_shape(spec)} → {_shape(changed)}", changed


def _size(spec: ArchSpec) -> Iterator[Move]:
    """About twice and half the active size: half and twice the tokens of the same budget."""
    for times, words in ((2.0, "larger, fewer tokens"), (0.5, "smaller, more tokens")):
        if (changed := scaled(spec, times ** (1 / 3), times ** (1 / 3))) is not None:
            yield f"{words}: {_shape(spec)} → {_shape(changed)}", changed


def _shape(spec: ArchSpec) -> str:
    return f"{spec.num_layers} × {spec.d_model}"


def scaled(spec: ArchSpec, width: float, depth: float) -> ArchSpec | None:
    """The design with other widths and depths, heads with the width; None where that changes nothing.

    Args:
        spec: A design of one attention.
        width: Factor of d_model and of every feed-forward's width, to multiples of 128 and 64.
        depth: Factor of the layers of every group, or of how often a pattern of groups repeats; at least one each.
    """
    d_model = max(WIDTH_STEP, round(spec.d_model * width / WIDTH_STEP) * WIDTH_STEP)
    factor = d_model / spec.d_model
    pattern = _pattern(spec)
    times = len(spec.layers) // len(pattern)
    if times > 1:
        layers = tuple(_scaled_group(group, factor, 1.0) for group in pattern) * max(1, round(times * depth))
    else:
        layers = tuple(_scaled_group(group, factor, depth) for group in pattern)
    changed = replace(spec, d_model=d_model, layers=layers)
    return None if changed == spec or spec.attention is None else changed


def _pattern(spec: ArchSpec) -> tuple[LayerGroup, ...]:
    """The shortest list of groups that the layers repeat."""
    groups = spec.layers
    lengths = (length for length in range(1, len(groups) + 1) if len(groups) % length == 0)
    return next(groups[:length] for length in lengths if groups[:length] * (len(groups) // length) == groups)


def _scaled_group(group: LayerGroup, width: float, depth: float) -> LayerGroup:
    residual = group.residual and replace(group.residual, d_ff=_step(group.residual.d_ff * width))
    return replace(
        group,
        num_layers=max(1, round(group.num_layers * depth)),
        mixer=_scaled_mixer(group.mixer, width),
        ffn=_scaled_ffn(group.ffn, width),
        residual=residual,
    )


def _scaled_mixer(mixer: Mixer, width: float) -> Mixer:
    if isinstance(mixer, Attention):
        step = mixer.num_kv_heads
        return replace(mixer, num_heads=max(step, round(mixer.num_heads * width / step) * step))
    if isinstance(mixer, LatentAttention):
        return replace(mixer, num_heads=max(1, round(mixer.num_heads * width)))
    if isinstance(mixer, GatedDeltaNet):
        keys, each = max(1, round(mixer.num_key_heads * width)), mixer.num_value_heads // mixer.num_key_heads
        return replace(mixer, num_key_heads=keys, num_value_heads=keys * each)
    return mixer


def _scaled_ffn(ffn: FeedForward, width: float) -> FeedForward:
    if isinstance(ffn, MoE):
        return replace(ffn, d_expert=_step(ffn.d_expert * width), d_shared=_step(ffn.d_shared * width))
    return replace(ffn, d_ff=_step(ffn.d_ff * width)) if isinstance(ffn, DenseFFN) else ffn


def _step(width: float) -> int:
    """The nearest multiple of the step of expert widths; 0 stays."""
    return max(EXPERT_STEP, round(width / EXPERT_STEP) * EXPERT_STEP) if width else 0


def with_moe(spec: ArchSpec, change: Callable[[MoE], MoE]) -> ArchSpec:
    """The design with its routed feed-forwards changed."""
    layers = (
        replace(group, ffn=change(group.ffn)) if isinstance(group.ffn, MoE) else group for group in spec.layers
    )
    return replace(spec, layers=tuple(layers))


def with_mixer(spec: ArchSpec, kind: type, change: Callable[..., Mixer]) -> ArchSpec:
    """The design with its mixers of one kind changed."""
    layers = (
        replace(group, mixer=change(group.mixer)) if isinstance(group.mixer, kind) else group
        for group in spec.layers
    )
    return replace(spec, layers=tuple(layers))
