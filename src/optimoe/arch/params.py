"""Parameters by part, and every convention that a law or a maker counts by.

A part counts itself (``arch.mixers``, ``arch.feedforwards``); here parts become a model. Symbols: d ``d_model``,
E experts, k per token, V vocabulary, n layers.
"""

from dataclasses import dataclass, fields

from optimoe.arch.feedforwards.base import Parts
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import holds


@dataclass(frozen=True, kw_only=True)
class ParamCount:
    """Parameters of the whole model by part; there is no "the parameter count".

    ``attention`` holds the projections, biases and inner norms of softmax mixers, ``recurrent`` everything of
    linear and state-space mixers, ``streams`` what mixes the streams of the residual, ``routed_experts_active``
    the share of ``routed_experts`` that one token uses (k of E).
    """

    embedding: int
    unembedding: int
    attention: int
    recurrent: int
    norms: int
    streams: int
    router: int
    dense_ffn: int
    shared_experts: int
    routed_experts: int
    routed_experts_active: int

    @property
    def total(self) -> int:
        """Everything stored, both embeddings included: Hoffmann's N of a dense model."""
        return self.nonembedding + self.embedding + self.unembedding

    @property
    def nonembedding(self) -> int:
        """Everything stored but the embeddings and the unembedding."""
        return self._common + self.routed_experts

    @property
    def active(self) -> int:
        """What one token touches, both embeddings included: Ludziejewski's N_act."""
        return self.active_nonembedding + self.embedding + self.unembedding

    @property
    def active_nonembedding(self) -> int:
        """What one token touches but the embeddings and the unembedding: Clark's dense N of a top-1 model."""
        return self._common + self.routed_experts_active

    @property
    def nonembedding_without_router(self) -> int:
        """Krajewski's N: stored, without embeddings and routing matrices (arXiv 2402.07871, Sec. 6.1)."""
        return self.nonembedding - self.router

    @property
    def _common(self) -> int:
        mixers, around = self.attention + self.recurrent, self.norms + self.streams
        return mixers + around + self.router + self.dense_ffn + self.shared_experts


def count_params(arch: ArchSpec) -> ParamCount:
    """Count the parameters of a model, exactly: a sum over its layer groups plus embeddings and last norm.

    Weights that several layers read count once, as stored and as active.

    Tables of layers' own embeddings count as embedding, and one norm of their width for all layers; matrices at
    the two ends count with the unembedding.
    """
    d, width = arch.d_model, arch.embedding_width
    sums = dict.fromkeys((field.name for field in fields(ParamCount)), 0)
    for group in arch.layers:
        for part, params in layer_params(arch, group).items():
            # Not in place: whole numbers of one group cannot take the real ones of a later group.
            sums[part] = sums[part] + group.num_stored * params
    tables = [(group.num_stored, table) for group in arch.layers for table in group.layer_embeddings]
    sums["norms"] += end_norm_params(arch)
    sums["streams"] += last_streams_params(arch)
    sums["embedding"] = arch.vocab_size * width + arch.num_positions * d
    sums["embedding"] += sum(number * table.table_params for number, table in tables)
    sums["embedding"] += sum(table.params for table in arch.tables)
    bias = arch.unembedding_bias * arch.logits
    sums["unembedding"] = bias if arch.tied_embeddings else arch.logits * width + bias
    sums["unembedding"] += sum(matrix.params for matrix in arch.projections)
    return ParamCount(**sums)


def count_mtp_params(arch: ArchSpec) -> int:
    """Parameters of the multi-token-prediction layers, counted apart (DeepSeek V3, arXiv 2412.19437, Sec. 2.2).

    Each is a layer like the last, a projection of the joined hidden state and embedding 2d → d, and three norms
    (hidden state, embedding, before the shared unembedding). Embeddings are shared with the model.
    """
    if holds(arch.num_mtp_layers == 0):
        return 0
    last = sum(layer_params(arch, arch.layers[-1])[part] for part in _STORED)
    return arch.num_mtp_layers * (last + 2 * arch.d_model**2 + 3 * norm_params(arch))


def layer_params(arch: ArchSpec, group: LayerGroup) -> Parts:
    """One layer of a group, by part."""
    d = arch.d_model
    parts = dict.fromkeys(_LAYER_PARTS, 0)
    parts |= group.mixer.params_by_part(d)
    parts["norms"] = around_params(arch, group)
    for part, params in group.ffn.params(d).items():
        parts[part] = parts[part] + params  # beside those of experts in a mixer
    if group.streams is not None:
        parts["streams"] = group.streams.params(d)
    for dense in group.also_dense:
        parts["dense_ffn"] += dense.params(d)["dense_ffn"]
    return parts


def count_read_again(arch: ArchSpec, active: bool = False) -> int:
    """Parameters of layers that read weights which others store: all of them, or those that a token passes."""
    again = [(group.num_layers, layer_params(arch, group)) for group in arch.layers if group.reused]
    idle = sum(number * (parts["routed_experts"] - parts["routed_experts_active"]) for number, parts in again)
    return sum(number * sum(parts[name] for name in _STORED) for number, parts in again) - active * idle


_STORED = (
    "attention",
    "recurrent",
    "norms",
    "streams",
    "router",
    "dense_ffn",
    "shared_experts",
    "routed_experts",
)
_LAYER_PARTS = (*_STORED, "routed_experts_active")


def end_norm_params(arch: ArchSpec) -> int:
    """Norms beside the layers; where layers embed the token themselves, one of that width is for all of them."""
    widths = [table.d_ff for group in arch.layers for table in group.layer_embeddings]
    scales = arch.num_end_scales * arch.d_model
    return arch.num_end_norms * norm_params(arch) + scales + (widths[0] if widths else 0)


def around_params(arch: ArchSpec, group: LayerGroup) -> int:
    """Norms of one layer, and vectors of d that scale its residual."""
    return group.num_norms * norm_params(arch) + group.num_scales * arch.d_model


def norm_params(arch: ArchSpec) -> int:
    """One norm over the residual stream: d weights, and d biases in a full LayerNorm; nothing in a bare one."""
    return arch.d_model * {"layernorm": 2, "layernorm_no_weight": 0}.get(arch.norm, 1)


def last_streams_params(arch: ArchSpec) -> int:
    """What sums the streams of the residual up behind the last layer; 0 where it is one stream."""
    streams = arch.layers[-1].streams
    return 0 if streams is None else streams.last_params(arch.d_model)
