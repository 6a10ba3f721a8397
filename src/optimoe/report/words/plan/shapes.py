"""The shape of a design in one line."""

from optimoe.arch.params import ParamCount
from optimoe.arch.parts import Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.units import (
    format_count,
)
from optimoe.planner.problem.shapes import attends_to_everything


def shape_words(spec: ArchSpec, params: ParamCount) -> str:
    """A design in one line: experts, sizes, layers, width, heads, and which layers route where not all do."""
    mixer, moe = spec.attention, spec.moe
    dense = next((group.ffn for group in spec.layers if isinstance(group.ffn, DenseFFN)), None)
    layers = f"{spec.num_layers} layers × {spec.d_model}{_heads_words(mixer)}{_near_words(spec)}"
    if moe is None:
        return f"dense {format_count(params.total)} · {layers}" + (f", FFN {dense.d_ff}" if dense else "")
    routed = sum(group.num_layers for group in spec.layers if isinstance(group.ffn, MoE))
    others = f" in {routed} layers, FFN {dense.d_ff} in the others" if dense else ""
    shared = f", {moe.num_shared_experts} shared" if moe.num_shared_experts else ""
    return (
        f"MoE E = {moe.num_experts}, top-{moe.top_k}{shared} · "
        f"{format_count(params.active)} active of {format_count(params.total)} · "
        f"{layers}, experts {moe.d_expert}{others}"
    )


def _heads_words(mixer: Attention | LatentAttention | None) -> str:
    """The heads of a design's softmax attention; empty where no layer has any."""
    if mixer is None:
        return ""
    heads = f"({mixer.num_kv_heads} kv) of {mixer.head_dim}" if isinstance(mixer, Attention) else "(mla)"
    return f", {mixer.num_heads} heads {heads}"


def _near_words(spec: ArchSpec) -> str:
    """How many layers do not attend to everything, and what they do; empty where all do."""
    near = [group for group in spec.layers if not attends_to_everything(group.mixer)]
    if not near:
        return ""
    mixer, number = near[0].mixer, sum(group.num_layers for group in near)
    words = f"a window of {mixer.window_tokens:,}" if isinstance(mixer, Attention) else type(mixer).__name__
    return f", {words} in {number} of the layers"


def named_shape(spec: ArchSpec, params: ParamCount) -> str:
    """A design as one says it: ``a 128-expert top-8 MoE of 3.35B active parameters (30.5B in total)``."""
    if spec.moe is None:
        return f"a dense model of {format_count(params.total)} parameters"
    article = "an" if str(spec.moe.num_experts)[0] == "8" or spec.moe.num_experts in (11, 18) else "a"
    experts = f"{article} {spec.moe.num_experts}-expert top-{spec.moe.top_k} MoE"
    return f"{experts} of {format_count(params.active)} active parameters ({format_count(params.total)} in total)"


def kind_words(num_experts: int) -> str:
    """``dense`` or ``E = 8``."""
    return "dense" if num_experts == 1 else f"E = {num_experts}"
