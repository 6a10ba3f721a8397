"""Which tensors of a Hugging Face checkpoint are which of ours.

Legend: E experts, D model width, F hidden width, H heads, R half of the rotated channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from optimoe.arch.parts import Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.models.convert.hf_families import Names

Part = Callable[[Tensor], Tensor]
Pairs = Callable[[Tensor, Tensor], list[tuple[Tensor, Tensor]]]


def _whole(tensor: Tensor) -> Tensor:
    return tensor


def _as_they_stand(part: Tensor, theirs: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [(part, theirs)]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One tensor of a checkpoint, and the part of one of ours that holds the same numbers.

    Attributes:
        ours: Name in our state.
        theirs: Name in the checkpoint.
        part: The part, a view of our tensor in the shape of theirs.
        pairs: Views of the part and of their tensor that hold the same numbers in the same places; one pair, of
            the two as they stand, unless a family orders its numbers in another way.
    """

    ours: str
    theirs: str
    part: Part = _whole
    pairs: Pairs = _as_they_stand

    def fill(self, ours: Tensor, theirs: Tensor) -> None:
        """Copy their tensor into its part of ours, which may be of another type."""
        for mine, other in self.pairs(self.part(ours), theirs):
            mine.copy_(other)

    def take(self, ours: Tensor, dtype: torch.dtype) -> Tensor:
        """Their tensor, a copy of its part of ours in the memory of the CPU."""
        part = self.part(ours)
        theirs = torch.empty(part.shape, dtype=dtype, device="cpu")
        for mine, other in self.pairs(part, theirs):
            other.copy_(mine)
        return theirs


def entries(arch: ArchSpec, names: Names) -> Iterator[Entry]:
    """Every tensor of a checkpoint, with the part of a model's that holds it."""
    yield _same("embedding.weight", "model.embed_tokens.weight")
    yield _same("norm.weight", "model.norm.weight")
    if not arch.tied_embeddings:
        yield _same("unembedding.weight", "lm_head.weight")
    for layer, group in enumerate(arch.unrolled):
        ours, theirs = f"blocks.{layer}.", f"model.layers.{layer}."
        yield _same(ours + "mixer_norm.weight", theirs + "input_layernorm.weight")
        yield _same(ours + "ffn_norm.weight", theirs + "post_attention_layernorm.weight")
        if isinstance(group.mixer, Attention):
            yield from _attention(group.mixer, ours + "mixer.", theirs + "self_attn.")
        elif isinstance(group.mixer, LatentAttention):
            yield from _latent(group.mixer, ours + "mixer.", theirs + "self_attn.")
        if isinstance(group.ffn, MoE):
            yield from _moe(group.ffn, names, ours + "ffn.", f"{theirs}{names.moe}.")
        elif isinstance(group.ffn, DenseFFN):
            yield from _dense(ours + "ffn.", theirs + "mlp.", group.ffn.bias)


def _attention(part: Attention, ours: str, theirs: str) -> Iterator[Entry]:
    for mine, other in (("query", "q"), ("key", "k"), ("value", "v")):
        yield _same(f"{ours}{mine}.weight", f"{theirs}{other}_proj.weight")
        if part.qkv_bias:
            yield _same(f"{ours}{mine}.bias", f"{theirs}{other}_proj.bias")
    yield _same(ours + "output.weight", theirs + "o_proj.weight")
    if part.output_bias:
        yield _same(ours + "output.bias", theirs + "o_proj.bias")
    if part.sinks:
        yield _same(ours + "sink_H", theirs + "sinks")
    if part.qk_norm != "none":
        yield _same(ours + "query_norm.weight", theirs + "q_norm.weight")
        yield _same(ours + "key_norm.weight", theirs + "k_norm.weight")


def _latent(part: LatentAttention, ours: str, theirs: str) -> Iterator[Entry]:
    """Rotated channels stand in pairs there, and in halves here."""
    query = "q_b_proj" if part.q_lora_rank else "q_proj"
    yield _turned(f"{ours}query_up.weight", f"{theirs}{query}.weight", part.num_heads, part.qk_rope_dim)
    if part.q_lora_rank:
        yield _same(ours + "query_down.weight", theirs + "q_a_proj.weight")
        yield _same(ours + "query_norm.weight", theirs + "q_a_layernorm.weight")
    yield _turned(ours + "latent.weight", theirs + "kv_a_proj_with_mqa.weight", 1, part.qk_rope_dim)
    yield _same(ours + "latent_norm.weight", theirs + "kv_a_layernorm.weight")
    yield _same(ours + "expand.weight", theirs + "kv_b_proj.weight")
    yield _same(ours + "output.weight", theirs + "o_proj.weight")
    if part.bias:
        yield _same(ours + "output.bias", theirs + "o_proj.bias")
        yield _turned(ours + "latent.bias", theirs + "kv_a_proj_with_mqa.bias", 1, part.qk_rope_dim)
        if part.q_lora_rank:
            yield _same(ours + "query_down.bias", theirs + "q_a_proj.bias")


def _dense(ours: str, theirs: str, bias: bool = False) -> Iterator[Entry]:
    """Gate and up are one matrix here."""
    for kind in ("weight", "bias") if bias else ("weight",):
        yield from _halves(f"{ours}w_in.{kind}", f"{theirs}gate_proj.{kind}", f"{theirs}up_proj.{kind}")
        yield _same(f"{ours}w_out.{kind}", f"{theirs}down_proj.{kind}")


def _halves(ours: str, gate: str, up: str, part: Part = _whole) -> Iterator[Entry]:
    """Two tensors that are one part of ours, one after the other."""
    yield Entry(ours=ours, theirs=gate, part=lambda tensor: part(tensor).chunk(2)[0])
    yield Entry(ours=ours, theirs=up, part=lambda tensor: part(tensor).chunk(2)[1])


def _moe(part: MoE, names: Names, ours: str, theirs: str) -> Iterator[Entry]:
    yield _same(ours + "router.weight", f"{theirs}{names.router}.weight")
    if part.router_bias:
        yield _same(ours + "router.bias", f"{theirs}{names.router}.bias")
    if names.routes.bias:
        yield _same(ours + "router.balance_bias_E", theirs + names.routes.bias)
    yield from {"listed": _listed, "stacked": _stacked, "interleaved": _interleaved}[names.layout](
        part, names, ours + "experts.", theirs
    )
    if part.num_shared_experts:
        yield from _dense(ours + "shared.", f"{theirs}{names.shared}.")
    if part.shared_gate:
        yield _same(ours + "shared_gate.weight", f"{theirs}{names.shared}_gate.weight")


def _listed(part: MoE, names: Names, ours: str, theirs: str) -> Iterator[Entry]:
    """Each matrix of each expert by itself."""
    for index in range(part.num_experts):
        expert, matrix = f"{theirs}experts.{index}.", _expert(index)
        yield from _halves(ours + "w_in", f"{expert}{names.gate}.weight", f"{expert}{names.up}.weight", matrix)
        yield Entry(ours=ours + "w_out", theirs=f"{expert}{names.down}.weight", part=matrix)


def _expert(index: int) -> Part:
    """One expert's matrix, outputs first."""
    return lambda tensor: tensor[index].mT


def _stacked(part: MoE, names: Names, ours: str, theirs: str) -> Iterator[Entry]:
    """All experts in one tensor, outputs first, gate before up."""
    yield Entry(ours=ours + "w_in", theirs=f"{theirs}{names.gate}.weight", part=_outputs_first)
    yield Entry(ours=ours + "w_out", theirs=f"{theirs}{names.down}.weight", part=_outputs_first)


def _outputs_first(tensor: Tensor) -> Tensor:
    return tensor.mT


def _interleaved(part: MoE, names: Names, ours: str, theirs: str) -> Iterator[Entry]:
    """All experts in one tensor, inputs first as here; gate and up take turns."""
    for mine, suffix in (("w", ""), ("b", "_bias")) if part.expert_bias else (("w", ""),):
        yield Entry(ours=f"{ours}{mine}_in", theirs=f"{theirs}{names.gate}{suffix}", pairs=_in_turns)
        yield _same(f"{ours}{mine}_out", f"{theirs}{names.down}{suffix}")


def _in_turns(part: Tensor, theirs: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(gate, up) and gate 0, up 0, gate 1, …, along the last dimension."""
    return [(part.view(*part.shape[:-1], 2, -1), theirs.view(*theirs.shape[:-1], -1, 2).mT)]


def _same(ours: str, theirs: str) -> Entry:
    return Entry(ours=ours, theirs=theirs)


def _turned(ours: str, theirs: str, num_heads: int, dim: int) -> Entry:
    """Rows whose last ``dim`` of each head are rotated: (r, r + R) in ours, (2r, 2r + 1) in theirs."""

    def pairs(part: Tensor, theirs: Tensor) -> list[tuple[Tensor, Tensor]]:
        rest = part.shape[1:]
        mine, other = part.view(num_heads, -1, *rest), theirs.view(num_heads, -1, *rest)
        halves = mine[:, -dim:].view(num_heads, 2, -1, *rest)
        in_pairs = other[:, -dim:].view(num_heads, -1, 2, *rest)
        return [(mine[:, :-dim], other[:, :-dim]), (halves, in_pairs.transpose(1, 2))]

    return Entry(ours=ours, theirs=theirs, pairs=pairs)
