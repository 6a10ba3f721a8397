"""Proxies: small runs of the winner's family, to fit one's own law to before committing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, GatedDeltaNet, LatentAttention, Mixer
from optimoe.arch.spec import ArchSpec, LayerGroup, grouped
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.units import format_count
from optimoe.planner.candidate import Candidate
from optimoe.planner.problem.grid.steps import HEADS_STEP, heads_of
from optimoe.planner.problem.kinds import WINDOW_TOKENS
from optimoe.planner.problem.shapes import LayerPattern, attends_to_everything
from optimoe.planner.problem.space import Space

HEAD_DIM = 64
"""Heads of a proxy: small models with wide heads would have too few of them."""

EXPERT_STEP = 32
"""Experts of a proxy are multiples of this: tiles of 64 would miss the relative width of fine ones by a third."""

WIDTH_STEP = 128
TOTAL_TOLERANCE = 0.05
"""How far a proxy at a constant total may miss it: half a layer of ten."""

KV_HEADS = 2
"""Key-value heads of proxies at a constant total, whose heads are so many or multiples of them."""

SMALLEST_WIDTH = 256
DATA = (0.5, 1.0, 2.0)
"""Tokens per parameter of the proxies, over the winner's."""

PROXY_SHARE = 0.01
"""Of the winner's training, for all proxies together."""


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """One small run of the ladder.

    Attributes:
        spec: The model: the winner's family, aspect ratio and relative widths, its vocabulary. Its name, such as
            ``proxy-e8-d256-2.70B``, says experts, width and tokens, and is unique in the ladder.
        tokens: Training tokens, not yet whole.
        train_flops: 6·N_act·D.
    """

    spec: ArchSpec
    tokens: float
    train_flops: float


def ladder(choice: Candidate, space: Space, share: float = PROXY_SHARE) -> tuple[Proxy, ...]:
    """Runs that cost ``share`` of the winner's training together, the smallest models first.

    Widths halve from the winner's down to 256; each at half, once and twice the winner's tokens per active
    parameter; also with half the experts and dense, so that a law's dependence on E is seen. Of a space at a
    constant total, every size is one total and every E of the space has it, in the nearest shape. As many of them
    as the share affords.

    Args:
        choice: The winner.
        space: The designs that it was chosen from.
        share: Of the winner's training, for all of them.

    Raises:
        ConfigError: The share is not in (0, 1].
        InfeasibleError: Not even the smallest run fits the share.
    """
    require(0 < share <= 1, "share", "above 0 and at most 1", share)
    left, runs = share * choice.training.flops, []
    for run in sorted(_runs(choice, space), key=lambda run: run.train_flops):
        if run.train_flops > left:
            break
        left -= run.train_flops
        runs.append(run)
    if not runs:
        raise InfeasibleError(f"share: {share:g} of the training is less than the smallest proxy takes; raise it")
    return tuple(runs)


def _runs(choice: Candidate, space: Space) -> Iterator[Proxy]:
    per_param = choice.tokens / choice.params.active
    for width in _widths(choice.spec.d_model):
        for spec in (
            _at_constant_total(choice, space, width) if space.constant_total else _by_experts(choice, space, width)
        ):
            active = count_params(spec).active
            for factor in DATA:
                tokens = factor * per_param * active
                flops = TRAIN_FLOPS_PER_PARAM_TOKEN * active * tokens
                named = replace(spec, name=f"{spec.name}-{format_count(tokens)}")
                yield Proxy(spec=named, tokens=tokens, train_flops=flops)


def _by_experts(choice: Candidate, space: Space, width: int) -> list[ArchSpec]:
    """The winner at a width with all its experts and half of them, and dense with the space's feed-forward."""
    experts = choice.family.num_experts
    kept = sorted({experts, max(experts // 2, choice.family.top_k), 1}, reverse=True)
    return [_shrunk(choice, space, width, number) for number in kept]


def _at_constant_total(choice: Candidate, space: Space, width: int) -> list[ArchSpec]:
    """Every E of a space in the shape nearest to the total of the winner at a width, all else as the winner's.

    Shapes may be twice as deep as the space's, for few would come near otherwise; what still misses the total by
    more than :data:`TOTAL_TOLERANCE` is left out.
    """
    family, total = choice.family, count_params(_shrunk(choice, space, width, choice.family.num_experts)).total
    routed = next((one for one in space.families() if not one.dense), family) if family.dense else family
    small = replace(
        space,
        params_total=float(total),
        top_k=(routed.top_k,),
        active_ffn_ratio=(routed.active_ffn_ratio,) if routed.active_ffn_ratio else space.active_ffn_ratio,
        ffn_ratio=(routed.ffn_ratio,) if routed.ffn_ratio and not routed.dense else (),
        expert_attention_ratio=(routed.expert_attention_ratio,) if routed.expert_attention_ratio else (),
        dense_ffn_ratio=(family.ffn_ratio if family.dense else space.dense_ffn_ratio[0],),
        num_shared_experts=(routed.num_shared_experts,),
        num_kv_heads=(min(KV_HEADS, family.num_kv_heads),),
        attention=(family.attention,),
        window_tokens=(family.window_tokens or WINDOW_TOKENS,),
        full_every=(family.full_every,) if family.full_every > 1 else (),
        moe_every=(routed.moe_every,),
        first_dense_layers=(routed.first_dense_layers,),
        head_dim=HEAD_DIM,
        min_aspect=space.min_aspect / 2,
        max_width=choice.spec.d_model,
        width_step=WIDTH_STEP,
    )
    every = small.every()
    families = [one for one in small.families() if len(small.deep(one, every).d_model)]
    shapes = {one.num_experts: small.nearest(one) for one in families}
    return [
        replace(spec, name=f"proxy-{f'e{experts}' if experts > 1 else 'dense'}-of-{format_count(total)}")
        for experts, spec in shapes.items()
        if abs(count_params(spec).total / total - 1) <= TOTAL_TOLERANCE
    ]


def _widths(largest: int) -> list[int]:
    """Halves of the winner's width, in steps of 128."""
    widths, width = [], largest // 2
    while width >= SMALLEST_WIDTH:
        widths.append(max(SMALLEST_WIDTH, width // WIDTH_STEP * WIDTH_STEP))
        width //= 2
    return widths


def _shrunk(choice: Candidate, space: Space, width: int, num_experts: int) -> ArchSpec:
    """The winner at another width, its depth in proportion, with so many experts (1: dense, as the space's are).

    Layers route, and attend to everything, in the winner's pattern; its first dense layers are as large a share of
    the depth, one at least.
    """
    spec, family, routes = choice.spec, choice.family, num_experts > 1
    scale = width / spec.d_model
    first = max(1, round(family.first_dense_layers * scale)) if family.first_dense_layers and routes else 0
    every = family.moe_every if routes else 1
    least = first + every if first or every > 1 else 2
    periods = -(-max(least, round(spec.num_layers * scale)) // family.full_every)
    pattern = LayerPattern(routes=routes, moe_every=every, first_dense_layers=first, full_every=family.full_every)
    ffns, mixers = _narrow_ffns(choice, space, width, num_experts), _narrow_mixers(spec, width)
    layers = [
        LayerGroup(num_layers=1, mixer=mixers[full], ffn=ffns[experts])
        for experts, full in pattern.cells(periods * family.full_every)
    ]
    kind = f"e{num_experts}" if routes else "dense"
    return replace(spec, name=f"proxy-{kind}-d{width}", d_model=width, layers=grouped(layers))


def _narrow_ffns(choice: Candidate, space: Space, width: int, num_experts: int) -> dict[bool, FeedForward]:
    """The winner's feed-forwards at another width: routed ones with so many experts, and dense ones."""
    moe, scale = choice.spec.moe, width / choice.spec.d_model
    plain = next((group.ffn for group in choice.spec.layers if isinstance(group.ffn, DenseFFN)), None)
    found: dict[bool, FeedForward] = {}
    if plain is not None:
        found[False] = replace(plain, d_ff=_whole(plain.d_ff * scale, 64))
    if moe is not None and num_experts == 1:
        found[False] = DenseFFN(d_ff=_whole(round(space.dense_ffn_ratio[0] * width), 64), gated=moe.gated)
    elif moe is not None:
        hidden = _whole(moe.d_expert * scale, EXPERT_STEP)
        shared = hidden if moe.num_shared_experts else 0
        found[True] = replace(moe, num_experts=num_experts, d_expert=hidden, d_shared=shared)
    return found


def _narrow_mixers(spec: ArchSpec, width: int) -> dict[bool, Mixer]:
    """The winner's mixers at another width: of layers that attend to everything, and of the others."""
    heads = int(heads_of(width, HEAD_DIM, HEADS_STEP))
    return {attends_to_everything(group.mixer): _narrow_mixer(group.mixer, heads) for group in spec.layers}


def _narrow_mixer(mixer: Mixer, heads: int) -> Mixer:
    if isinstance(mixer, LatentAttention):
        return replace(
            mixer, num_heads=heads, kv_lora_rank=4 * HEAD_DIM, qk_nope_dim=HEAD_DIM, qk_rope_dim=HEAD_DIM // 2,
            v_dim=HEAD_DIM,
        )  # fmt: skip
    if isinstance(mixer, GatedDeltaNet):
        return replace(mixer, num_key_heads=heads, num_value_heads=2 * heads, key_dim=HEAD_DIM, value_dim=HEAD_DIM)
    if isinstance(mixer, Attention):
        kv_heads = _key_value_heads(mixer, heads)
        return replace(mixer, num_heads=heads, num_kv_heads=kv_heads, head_dim=HEAD_DIM)
    return mixer


def _key_value_heads(mixer: Attention, heads: int) -> int:
    """So many of the heads as the winner has of its own, at least one: grouped attention stays grouped."""
    wanted = heads * mixer.num_kv_heads / mixer.num_heads
    return min((count for count in range(1, heads + 1) if heads % count == 0), key=lambda one: abs(one - wanted))


def _whole(width: float, step: int) -> int:
    return max(step, round(width / step) * step)
