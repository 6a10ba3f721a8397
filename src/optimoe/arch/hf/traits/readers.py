"""Traits: words for what a model computes beyond its parts, read from the fields of a ``config.json``.

A trait is a word, or ``word=value``. It says what an implementation must do that the parts of an ``ArchSpec`` do
not say and that is not the plain case: SiLU, rotary positions of one base on whole heads, gates of a softmax that
are divided by their sum where there are several, no factors and no bounds. Plain numbers (the rotary base, the
norms' epsilon, initial scales) are none, and neither is the order in which rotary channels are paired: it renames
channels. ``word=unstated`` says that the function depends on a field that is not there and has no safe default.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from optimoe.arch.hf.fields import Fields, rope_kind, stated_rope
from optimoe.arch.parts import UNLIMITED_WINDOW, Attention
from optimoe.arch.spec import ArchSpec

Reader = Callable[[Fields, ArchSpec], Iterable[str]]
"""From the fields, and the shape that was read from them, to traits."""

UNSTATED = "unstated"
"""The value of a trait that nobody states."""

FUNCTION_UNSTATED = f"function={UNSTATED}"
"""Of a shape by itself: what is computed with it is not said."""

PLAIN_ROPE = ("default", "mrope")
"""Rotary positions as they are; positions of several axes are those of one on text."""

ACTIVATION_WORDS = {"swish": "silu", "gelu_pytorch_tanh": "gelu_tanh", "relu2": "relu_squared"}
"""Activations under other names, by these."""


def always(*traits: str) -> Reader:
    """Traits of every model of a family."""
    return lambda fields, arch: traits


def activation(*names: str, default: str = "silu") -> Reader:
    """The activation, where it is another than SiLU; ``names`` are its fields, the first that stands counts."""

    def read(fields: Fields, arch: ArchSpec) -> Iterable[str]:
        stated = next((fields.value(name) for name in names or ("hidden_act",) if fields.has(name)), default)
        word = ACTIVATION_WORDS.get(str(stated), str(stated))
        return () if word == "silu" else (f"activation={_one_line(word)}",)

    return read


def rope(scaling: str = "", share: float = 1.0) -> Reader:
    """Rotary positions that are stretched, or turn a share of the channels.

    Args:
        scaling: The trait's value where the fields state no rotary positions.
        share: Where they state no share.
    """

    def read(fields: Fields, arch: ArchSpec) -> Iterable[str]:
        stated = stated_rope(fields.value)
        table: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {}
        if any(isinstance(value, Mapping) for value in table.values()):
            yield "rope_of_layer_kinds"
            return
        kind = rope_kind(table) if stated else (scaling or "default")
        if kind not in PLAIN_ROPE:
            factor = table.get("factor")
            yield f"rope_scaling={_one_line(kind)}" + (f"-{number(factor)}" if factor is not None else "")
        turned = _share(fields, table, arch, share)
        if turned != 1:
            yield f"partial_rotary={number(turned)}"

    return read


def _share(fields: Fields, table: Mapping[str, Any], arch: ArchSpec, default: float) -> Any:
    stated = table.get("partial_rotary_factor", fields.value("partial_rotary_factor"))
    channels, part = fields.value("rotary_dim"), arch.attention
    if stated is None and isinstance(channels, int) and isinstance(part, Attention):  # MiniMax counts channels
        return channels / part.head_dim
    return default if stated is None else stated


def factors(**fields_of: str) -> Reader:
    """Fixed factors: a trait for each field by which something is multiplied (or divided) with another than 1.

    Attention's is the scale of q·k, and plain where it is 1/√C.
    """

    def read(fields: Fields, arch: ArchSpec) -> Iterable[str]:
        part = arch.attention
        for trait, field in fields_of.items():
            stated = fields.value(field)
            value = number(1.0 if stated is None else stated)
            plain = (
                number(part.head_dim**-0.5) if trait == "attention_factor" and isinstance(part, Attention) else "1"
            )
            if value != plain:
                yield f"{trait}={value}"

    return read


def embedding_by_width(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """Embedded tokens times √d (Gemma)."""
    return (f"embedding_factor={number(arch.d_model**0.5)}",)


def query_scale(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """Products q·k over the root of ``query_pre_attn_scalar``, where that is not a head's width (Gemma 2, 3)."""
    scalar, part = fields.value("query_pre_attn_scalar"), arch.attention
    if scalar is None:
        yield f"query_pre_attn_scalar={UNSTATED}"
    elif isinstance(part, Attention) and scalar != part.head_dim:
        positive = isinstance(scalar, int | float) and 0 < scalar < math.inf
        yield f"attention_factor={number(scalar**-0.5 if positive else scalar)}"


def present(field: str, trait: str, absent: bool = False) -> Reader:
    """A trait where a field is neither null nor false, and where it is missing if ``absent``."""

    def read(fields: Fields, arch: ArchSpec) -> Iterable[str]:
        missing = not fields.has(field) and not fields.null(field)
        return (trait,) if (absent if missing else bool(fields.value(field))) else ()

    return read


def gates_sum(sum_to_one: bool) -> Reader:
    """Whether a token's gates are divided by their sum, whatever the fields say."""
    return lambda fields, arch: _gates(arch, sum_to_one)


def gates_sum_by(field: str = "norm_topk_prob") -> Reader:
    """Whether gates are divided by their sum, as a field states; families differ in what they take otherwise."""

    def read(fields: Fields, arch: ArchSpec) -> Iterable[str]:
        stated = fields.value(field)
        if stated is None and arch.moe is not None:
            return (f"{field}={UNSTATED}",)
        return _gates(arch, bool(stated))

    return read


def gates_normed(field: str) -> Reader:
    """Gates divided by their p-norm, p in a field: 1 where it is missing, undivided where it is null (DBRX)."""

    def read(fields: Fields, arch: ArchSpec) -> Iterable[str]:
        p = 1 if not fields.has(field) and not fields.null(field) else fields.value(field)
        return _gates(arch, p is not None) if p in (None, 1) else (f"gates_norm={number(p)}",)

    return read


def gates_scaled(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """Gates that are multiplied by ``routed_scaling_factor``."""
    if arch.moe is None:
        return ()
    scale = fields.value("routed_scaling_factor")
    if scale is None:
        return (f"routed_scaling_factor={UNSTATED}",)
    return () if scale == 1 else (f"gates_scaled={number(scale)}",)


def groups(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """Experts chosen from the best of several groups: ``groups=8/4`` is of the best 4 of 8."""
    if arch.moe is None:
        return ()
    number_of, best = fields.value("n_group"), fields.value("topk_group")
    if number_of is None or best is None:
        return (f"n_group={UNSTATED}",)
    return () if number_of == 1 else (f"groups={number(number_of)}/{number(best)}",)


def best_of_groups(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """Groups judged by their best expert, where ``topk_method`` says that there are any (DeepSeek V2)."""
    if not fields.is_text("topk_method", "group_limited_greedy"):
        return ()
    found = tuple(groups(fields, arch))
    return (*found, "group_score=best") if found else ()


def routed(*traits: str) -> Reader:
    """Traits of every model of a family that routes."""
    return lambda fields, arch: traits if arch.moe is not None else ()


def only_windows_have_positions(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """No positions in layers that see everything, where the fields state a window at all (EXAONE 4)."""
    whole = any(getattr(group.mixer, "window_tokens", 0) == UNLIMITED_WINDOW for group in arch.layers)
    return ("layers_without_positions",) if whole and fields.has("sliding_window") else ()


def clamped_swiglu(fields: Fields, arch: ArchSpec) -> Iterable[str]:
    """The clamped SwiGLU of gpt-oss, whose bound and slope are a part of it."""
    limits = (("swiglu_limit", 7.0), ("swiglu_alpha", 1.702))
    odd = [
        f"{field}={number(fields.value(field))}"
        for field, usual in limits
        if fields.value(field) not in (None, usual)
    ]
    return ("activation=clamped_swiglu", *odd)


def number(value: Any) -> str:
    """A number as traits write it, to six digits."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if plain else _one_line(value)


def _gates(arch: ArchSpec, sum_to_one: bool) -> Iterable[str]:
    moe = arch.moe
    plain = moe is None or sum_to_one == (moe.top_k > 1)
    return () if plain else (f"gates_sum_to_one={str(sum_to_one).lower()}",)


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())
