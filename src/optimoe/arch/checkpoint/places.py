"""Which part of a model a tensor of its checkpoint belongs to, by its name."""

import re
from dataclasses import dataclass
from typing import Literal

from optimoe.arch.parts import Attention, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup

Kind = Literal["parameters", "scales", "buffer", "copy", "other"]
"""What a tensor is: parameters of a part; scales, zero points and the like beside quantised ones; a buffer that no
gradient moves; a copy of what stands elsewhere; or something outside of the language model."""

MTP = "mtp"
"""The part of layers that predict later tokens."""

_LAYER = re.compile(r"(?:^|\.)(?:layers?|blocks|h)\.(\d+)\.(.+)")
_QUERIES = re.compile(r"\.attn_res\.(\w+_queries)\.(\d+)$")
"""Queries over outputs of layers below, by the number of the layer that they are of (Inkling 2)."""
_OTHERS = re.compile(r"(?:^|\.)(?:vision|visual|vit|image|audio|speech|mm|multi_modal|img)(?:[_.]|$)")
_BUFFERS = re.compile(
    r"(?:^|[._])(?:e_score_correction(?:_bias|\.bias)|inv_freq|masked_bias|tid2eid|slope_rate|layer_scalar"
    r"|act_fn\.(?:beta|eps)|(?:query|key|diagonal)_decay|expert_bias|balancing_biases|token_ordering|z_L_init)$"
)
_SCALES = re.compile(
    r"(?:(?<!l2_clip)(?<!_states)(?<!residual)(?<!\.global)[._](?:scales?(?:_inv|_2|_ub)?|zero_point|qzeros|g_idx"
    r"|shape|absmax|quant_map|SCB|weight_format)|\.quant_state\.\w+)$"
)
"""Ends of the names of what stands beside quantised values: compressed-tensors, GPTQ, AWQ, modelopt, bitsandbytes,
and the block scales of FP8 and MXFP4 checkpoints; not scales that a model learns (ZAYA, Inkling 2)."""


def _modules(*names: str) -> re.Pattern[str]:
    """What finds a module of one of these names in the name of a tensor."""
    return re.compile(rf"(?:^|\.)(?:{'|'.join(names)})\.")


_SUBLAYER = re.compile(r"(self_attn|mlps|input_layernorm|post_attention_layernorm)\.([01])\.(.+)")
"""A module of one of the two layers of a block."""
_SHARED = re.compile(r"shared_transf(?:ormer)?\.(.+)")
"""A module of a block that several layers share (Zamba)."""
_ADAPTER = re.compile(r"\.(?:linear_)?([a-z_]+?)(?:_proj)?_adapter_list\.(\d+)\.(.+)")
"""A matrix that one of these layers adds to one of the block, by the number of the layer among them."""
_MESSAGE = re.compile(r"(?:controllers|\w+_message_gate)\.")
"""A module that takes what a pass through a layer gave to the next one (Inkling 2 with loops)."""
_UPPER = _modules("H_module")
"""The second of two stacks that a token passes in turn (HRM)."""
_STREAMS = _modules(r"hc_\w+", r"\w*hyper_connections?", r"altup(?:_\w+)?")
_WORDS = r"(?:embed|tokens|positions)_(?:tokens|embed|in|positions)(?:_per_layer)?"
_PROJECTION = _modules(r"lm_head\.dense", "project_(?:in|out)", "(?:pre|post)_projection", "centroids")
"""Matrices at the ends, beside the unembedding."""
_ENDS = (
    ("norms", _modules("embed_norm", "LayerNorm", r"(?:embeddings|lm_head)\.norm")),
    ("unembedding", _PROJECTION),
    ("embedding", _modules(_WORDS, "embed", r"\w*embeddings?", "wte", "wpe", "w", "position_bias")),
    (
        "unembedding",
        _modules("lm_head", "embed_out", "output", "head", "unembed", r"decoder(?=\.(?:weight|bias))"),
    ),
    ("streams", _STREAMS),
    ("norms", _modules(r"\w*norm\w*", "ln_f", "ln_out", r"(?:input_hidden|message|middle)_\w+", "output_query")),
    ("dense_ffn", _modules("per_layer_model_projection")),
)
"""Names of what stands beside the layers."""
_HEADS = (
    ("norms", _modules("LayerNorm", r"layernorm_before_\w+")),
    ("router", _modules(r"self_attention\.experts\.router")),
    ("routed_experts", _modules(r"self_attention\.experts\.(?:input|output)_linear")),
)
"""Names inside of attention: of norms, and where heads are experts (JetMoE)."""
_ROUTER = _modules("gate", "router", r"mlp\.bias")
"""Names of a router, and of the bias behind all experts that is counted with it."""
_STATE_SPACE = _modules("linear_attn", "mamba", "conv")
"""Modules of mixers that are recurrent wherever they stand, beside attention too."""
_MIXER = _modules(
    "self_attn",
    "attn",
    r"\w*attention",
    "temporal_block",
    "mixer",
    "mlstm_layer",
    r"\w+_sconv",
    r"\w+_convolution",
)
_FFN = (
    "mlp", "feed_forward", "block_sparse_moe", "ffn", "residual_mlp", "mlp_block", "mixer", "fc[12]", "laurel",
    "intermediate", "output",
)  # fmt: skip
_INSIDE = (
    ("streams", _STREAMS),
    ("shared_experts", _modules(r"shared_\w+", "fc[12]_latent_proj")),
    ("routed_experts", _modules("experts", r"(?:block_sparse_moe|mlp)\.(?:input|output)_linear")),
    ("dense_ffn", _modules("ffn_sub_norm", r"\w*norm\.W_(?:up|down)")),
    ("norms", _modules(r"\w*norm\w*", r"ln_?\d", r"\w+_residual(?:_scale)?", r"lambda_\d")),
    ("router", _modules("router_gate")),
    ("routed_experts", _modules(r"mlp\.\w+_embed")),
    ("dense_ffn", _modules(*_FFN, r"per_layer_\w+", "adapters", "controllers", r"\w+_message_gate")),
)
"""Names inside of a layer, but for its mixer and its router; the first that fits counts."""


@dataclass(frozen=True, kw_only=True)
class TensorPlace:
    """Where a tensor belongs.

    Attributes:
        kind: What it is.
        part: The part of a count of parameters, or ``mtp``; empty where its name says none.
        layer: The number of its layer; none beside the layers.
        inside: Its name inside of the layer, or the whole one beside the layers.
    """

    kind: Kind
    part: str = ""
    layer: int | None = None
    inside: str


def place_of(name: str, layers: tuple[LayerGroup, ...], arch: ArchSpec) -> TensorPlace:
    """Where a tensor belongs, by the names that checkpoints of ``transformers`` give.

    Args:
        name: The tensor's.
        layers: The group of every layer of the model.
        arch: The model.
    """
    found = _LAYER.search(name)
    if queries := _QUERIES.search(name):
        number = int(queries[2]) + (queries[1] == "attn_queries")  # of which the first layer has none
        own = _own(layers)
        layer = own[number] if number < len(own) else len(layers)
        return TensorPlace(kind="parameters", part="norms", layer=layer, inside=queries[1])
    if found is None:
        part = MTP if name.startswith(f"{MTP}.") else _part_beside(name)
        return TensorPlace(kind=_kind(name, part, arch), part=part, inside=name)
    layer, inside = int(found[1]), found[2]
    if inside.startswith("pre_ln."):  # of the embedding
        return TensorPlace(kind="parameters", part="norms", inside=inside)
    if layers[0].residual is not None and any(group.residual is None for group in layers):
        layer, inside = _of_block(layer, inside)
    if any(group.reused or _is_block(group) for group in arch.layers):
        layer, inside = _of_sharing(layer, name, inside, layers)
    if name.startswith(f"{MTP}.") or len(layers) <= layer < len(layers) + arch.num_mtp_layers:
        return TensorPlace(kind=_kind(name, MTP, arch), part=MTP, layer=layer, inside=inside)
    if layer >= len(layers):
        return TensorPlace(kind=_kind(name, "", arch), layer=layer, inside=inside)
    group = layers[layer]
    if group.reused:
        return TensorPlace(kind="copy", layer=layer, inside=inside)
    part = _part_of_layer(inside, group)
    stated = getattr(group.ffn, "router_bias", True)
    balances = inside.endswith(("gate.bias", "router.bias")) and part == "router" and not stated
    return TensorPlace(
        kind="buffer" if balances else _kind(name, part, arch), part=part, layer=layer, inside=inside
    )


def _of_block(block: int, inside: str) -> tuple[int, str]:
    """The layer of a tensor of a block of two, experts beside the first of them (LongCat-Flash), and its name."""
    if (found := _SUBLAYER.match(inside)) is None:
        return 2 * block, inside
    return 2 * block + int(found[2]), f"{'mlp' if found[1] == 'mlps' else found[1]}.{found[3]}"


def _is_block(group: LayerGroup) -> bool:
    """Whether a layer is a block that others share, or is added to another's input: checkpoints number neither."""
    block = isinstance(group.mixer, Attention) and group.mixer.with_embedding
    return block or (group.mixer.absent and group.ffn.absent and len(group.beside) > 0)


def _own(layers: tuple[LayerGroup, ...]) -> list[int]:
    """The layers that store weights and that a checkpoint numbers, in its order."""
    return [layer for layer, group in enumerate(layers) if not (group.reused or _is_block(group))]


def _of_sharing(number: int, name: str, inside: str, layers: tuple[LayerGroup, ...]) -> tuple[int, str]:
    """The layer of a tensor by its number among those that store weights of their own, and its name there."""
    blocks = [layer for layer, group in enumerate(layers) if _is_block(group)]
    own = _own(layers)
    number += len(own) // 2 if _UPPER.search(name) else 0
    adapter, shared = _ADAPTER.search(inside), _SHARED.match(inside)
    if blocks and _MESSAGE.match(inside):
        place = number - sum(layer < blocks[0] for layer in own) + sum(not layers[at].reused for at in blocks)
        return blocks[place] if 0 <= place < len(blocks) else len(layers), inside
    if adapter and int(adapter[2]) < len(blocks):
        return blocks[int(adapter[2])] + 1, f"adapters.{adapter[1]}.{adapter[3]}"
    if number >= len(own):
        return len(layers), inside
    if shared and own[number] - 1 in blocks:
        return own[number] - 1, shared[1]
    of_block = own[number] - 1 in blocks and inside.startswith("linear.")
    return own[number], f"adapters.{inside}" if of_block else inside.removeprefix("mamba_decoder.")


def _kind(name: str, part: str, arch: ArchSpec) -> Kind:
    """What a tensor is, of a part or of none."""
    if _OTHERS.search(name):
        return "other"
    if _BUFFERS.search(name):
        return "buffer"
    if arch.precisions.source and _SCALES.search(name):
        return "scales"
    ends = "embed_tokens." in name or "shared_head.head." in name or "lm_head." in name
    head = part == "unembedding" and not _PROJECTION.search(name)
    tied = head and arch.tied_embeddings and name.endswith(".weight")
    return "copy" if tied or (part == MTP and ends) else "parameters"


def _part_beside(name: str) -> str:
    """The part that a name beside all layers says; empty where it says none."""
    return next((part for part, names in _ENDS if names.search(f"{name}.")), "")


def _part_of_layer(inside: str, group: LayerGroup) -> str:
    """The part that a name inside of a layer says; empty where it says none."""
    whole = f"{inside}."
    if part := next((part for part, names in _HEADS if names.search(whole)), ""):
        return part
    mixers, routed = group.mixer.members, isinstance(group.ffn, MoE)
    if mixers and _STATE_SPACE.search(whole):
        return "recurrent"
    if mixers and _MIXER.search(whole):
        return "recurrent" if all(mixer.recurrent for mixer in mixers) else "attention"
    if routed and _ROUTER.search(whole):
        return "router"
    part = next((part for part, names in _INSIDE if names.search(whole)), "")
    return "dense_ffn" if part == "shared_experts" and not routed else part
