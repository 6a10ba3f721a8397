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

Tensors = list[Tensor]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One tensor of ours, and the tensors of a checkpoint that hold it.

    Attributes:
        ours: Name in our state.
        theirs: Names in the checkpoint.
        split: Our tensor into theirs.
        join: Their tensors into ours.
    """

    ours: str
    theirs: tuple[str, ...]
    split: Callable[[Tensor], Tensors]
    join: Callable[[Tensors], Tensor]


def entries(arch: ArchSpec, names: Names) -> Iterator[Entry]:
    """Every tensor of a model, with the checkpoint's tensors that hold it."""
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
        yield Entry(
            ours=f"{ours}w_in.{kind}",
            theirs=(f"{theirs}gate_proj.{kind}", f"{theirs}up_proj.{kind}"),
            split=lambda tensor: list(tensor.chunk(2)),
            join=torch.cat,
        )
        yield _same(f"{ours}w_out.{kind}", f"{theirs}down_proj.{kind}")


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
    expert = [f"{theirs}experts.{index}." for index in range(part.num_experts)]
    yield Entry(
        ours=ours + "w_in",
        theirs=tuple(f"{name}{matrix}.weight" for name in expert for matrix in (names.gate, names.up)),
        split=_split_in,
        join=_join_in,
    )
    yield Entry(
        ours=ours + "w_out",
        theirs=tuple(f"{name}{names.down}.weight" for name in expert),
        split=lambda w_EFD: list(w_EFD.mT.unbind()),
        join=lambda w_DF: torch.stack(w_DF).mT.contiguous(),
    )


def _stacked(part: MoE, names: Names, ours: str, theirs: str) -> Iterator[Entry]:
    """All experts in one tensor, outputs first, gate before up."""
    yield _changed(ours + "w_in", f"{theirs}{names.gate}.weight", _transposed, _transposed)
    yield _changed(ours + "w_out", f"{theirs}{names.down}.weight", _transposed, _transposed)


def _interleaved(part: MoE, names: Names, ours: str, theirs: str) -> Iterator[Entry]:
    """All experts in one tensor, inputs first as here; gate and up take turns."""
    for mine, suffix in (("w", ""), ("b", "_bias")) if part.expert_bias else (("w", ""),):
        yield _changed(f"{ours}{mine}_in", f"{theirs}{names.gate}{suffix}", _in_turns, _one_after_other)
        yield _same(f"{ours}{mine}_out", f"{theirs}{names.down}{suffix}")


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.mT.contiguous()


def _in_turns(tensor: Tensor) -> Tensor:
    """(gate, up) to gate 0, up 0, gate 1, …, along the last dimension."""
    return torch.stack(tensor.chunk(2, dim=-1), dim=-1).flatten(-2)


def _one_after_other(tensor: Tensor) -> Tensor:
    return torch.cat([tensor[..., ::2], tensor[..., 1::2]], dim=-1)


def _split_in(w_EDf: Tensor) -> Tensors:
    """(E, D, 2F) into gate and up, (F, D) each, of one expert after the other."""
    return [matrix for w_Df in w_EDf.unbind() for matrix in w_Df.T.chunk(2)]


def _join_in(w_FD: Tensors) -> Tensor:
    pairs = zip(w_FD[::2], w_FD[1::2], strict=True)
    return torch.stack([torch.cat(pair).T for pair in pairs]).contiguous()


def _changed(ours: str, theirs: str, out: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> Entry:
    return Entry(
        ours=ours, theirs=(theirs,), split=lambda tensor: [out(tensor)], join=lambda tensors: back(tensors[0])
    )


def _same(ours: str, theirs: str) -> Entry:
    return Entry(ours=ours, theirs=(theirs,), split=lambda tensor: [tensor], join=lambda tensors: tensors[0])


def _turned(ours: str, theirs: str, num_heads: int, dim: int) -> Entry:
    """Rows whose last ``dim`` of each head are rotated: (r, r + R) in ours, (2r, 2r + 1) in theirs."""

    def reorder(tensor: Tensor, halves: bool) -> Tensor:
        rows = tensor.reshape(num_heads, -1, *tensor.shape[1:])
        fixed, turned = rows[:, :-dim], rows[:, -dim:]
        shape = (2, dim // 2) if halves else (dim // 2, 2)
        turned = turned.reshape(num_heads, *shape, *tensor.shape[1:]).transpose(1, 2)
        return torch.cat([fixed, turned.reshape(num_heads, dim, *tensor.shape[1:])], dim=1).reshape(tensor.shape)

    return _changed(ours, theirs, lambda tensor: reorder(tensor, True), lambda tensor: reorder(tensor, False))
