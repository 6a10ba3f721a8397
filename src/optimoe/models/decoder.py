"""A decoder-only language model, built from a description.

Legend: B sequences, S positions, D model width, V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree
from torch.utils.checkpoint import checkpoint

from optimoe.arch.params import count_params
from optimoe.arch.parts import PEER, Attention, DenseFFN, LatentAttention, Mixer, MoE
from optimoe.arch.parts import FeedForward as FeedForwardPart
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.models.attention.cache import Cache, LayerCache
from optimoe.models.attention.grouped import SelfAttention
from optimoe.models.attention.latent import LatentSelfAttention
from optimoe.models.attention.places import Places
from optimoe.models.config import ModelConfig
from optimoe.models.dense.linear import Linear
from optimoe.models.dense.norms import RMSNorm
from optimoe.models.initial import initialise
from optimoe.models.moe import FeedForward, MoELayer
from optimoe.models.peer.layer import PEERLayer, PEERStats
from optimoe.models.routers import Router
from optimoe.models.routing import Routing
from optimoe.models.surroundings import may_look
from optimoe.models.traits.needs import require_function

LayerDecision = Routing | PEERStats | None
"""What a layer chose: the experts it routed to, the ones it retrieved, or nothing where it is dense."""


@dataclass(frozen=True)
class Output:
    """What a forward pass returns; nothing is kept inside the model.

    Attributes:
        logits_BSV: Logits of the next token.
        routings: The decision of every routed layer, by layer number.
        retrieved: What every PEER layer retrieved, by layer number.
        document_BS: The document of each token, −1 for padding, as the model was told; none where it was not.
    """

    logits_BSV: Tensor
    routings: dict[int, Routing]
    retrieved: dict[int, PEERStats]
    document_BS: Tensor | None = None

    @property
    def leaky_layers(self) -> tuple[int, ...]:
        """Layers whose decisions later tokens had a part in; with any, a loss is none of a language model."""
        return tuple(layer for layer, routing in self.routings.items() if routing.leaky)


_pytree.register_dataclass(Output)


def build(arch: ArchSpec, config: ModelConfig | None = None, shape_only: bool = False) -> "Decoder":
    """The model that an architecture describes, with new weights, on the current default device.

    Args:
        arch: One design, not a grid.
        config: What the architecture leaves open; left out, the defaults. A named model's is that of
            :func:`optimoe.models.convert.named.read_model`.
        shape_only: Whether the shape is built with the configuration's function where that is not the named
            model's; the model's own ``arch`` then has no traits.

    Raises:
        ConfigError: The architecture has a part that is not built here, or traits that the configuration does not
            provide; the message names them.
    """
    if config is not None:
        require(
            isinstance(config, ModelConfig), "config", "a ModelConfig (ModelConfig.from_table reads one)", config
        )
    for group in arch.layers:
        for part in filter(None, (group, group.mixer, group.ffn, group.residual)):
            for name, value in vars(part).items():  # a count may be an array while it is only counted
                require(not isinstance(value, float), name, "a whole number", value)
    grid = getattr(count_params(arch).total, "ndim", 0)
    require(grid == 0, "arch", "one design", f"a grid of {grid} axes")
    (config or ModelConfig()).require_layers(arch)
    require(arch.num_streams == 1, "streams", "none (hyper-connections are not built here)", arch.num_streams)
    if arch.num_mtp_layers:
        raise ConfigError(
            f"num_mtp_layers: multi-token prediction is not built here, got {arch.num_mtp_layers}; "
            "dataclasses.replace(arch, num_mtp_layers=0) is the model without it"
        )
    config = config or ModelConfig()
    if shape_only:
        arch = replace(arch, traits=())
    require_function(arch, config)
    return Decoder(arch, config)


class Decoder(nn.Module):
    """A decoder-only language model: embedding, blocks, norm, logits.

    Attributes:
        arch, config: What it was built from.
        growths: What it has grown by since, in order (:class:`~optimoe.models.convert.lifelong.Growth`).
        embedding: (V, D).
        positions: Learned positions, or none with RoPE.
        blocks: The layers.
        norm: The last norm.
        unembedding: D → V; its weight is the embedding's where tied.
    """

    def __init__(self, arch: ArchSpec, config: ModelConfig) -> None:
        super().__init__()
        ends = (arch.num_end_norms, *arch.apart_ends)
        require(ends == (1,), "num_end_norms", "1, without tables and projections", ends)
        self.arch, self.config = arch, config
        self.growths: tuple[Any, ...] = ()
        self.embedding = nn.Embedding(arch.vocab_size, arch.d_model)
        self.positions = nn.Embedding(arch.num_positions, arch.d_model) if arch.num_positions else None
        self.blocks = nn.ModuleList(Block(group, arch, config, layer) for layer, group in enumerate(arch.unrolled))
        self.norm = make_norm(arch, config)
        self.unembedding = Linear(arch.d_model, arch.vocab_size, bias=arch.unembedding_bias)
        self.register_load_state_dict_pre_hook(_refuse_grown_state)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(_tie_again)  # type: ignore[no-untyped-call]
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """New weights: normal, and such that all feed-forwards write alike to the stream (``models.initial``).

        It also makes tables and ties anew, so that a model built on the meta device is whole after ``to_empty``.
        """
        if self.arch.tied_embeddings:
            self.unembedding.weight = self.embedding.weight
        initialise(self, self.arch.d_model, len(self.blocks), self.config)

    def forward(
        self,
        ids_BS: Tensor,
        *,
        document_BS: Tensor | None = None,
        position_BS: Tensor | None = None,
        replay: Mapping[int, Routing] | None = None,
        recompute: bool = False,
        cache: Cache | None = None,
        last_only: bool = False,
    ) -> Output:
        """Logits and routing decisions.

        Args:
            ids_BS: Token ids.
            document_BS: The document of each token, by any numbers of zero or more; −1 is padding, wherever it
                stands. Every run of equal numbers in a row is a document: no token of it sees another's, and
                padding is routed nowhere. Left out, every row is one document.
            position_BS: Positions; left out, they count from 0 in each document.
            replay: Decisions to repeat, by layer number, such as those of an earlier output: experts are taken as
                they were, gates are computed anew.
            recompute: Whether backward computes each block's activations again instead of keeping them.
            cache: Tokens that these follow, and that they then join: their documents and positions go on. For
                evaluation without gradients alone.
            last_only: Whether logits are made of each row's last token alone.

        Raises:
            ConfigError: A shape does not fit; the model is not training and a router sees the future at
                evaluation; or there is a cache, and the model is training, gradients are kept, or a router weighs
                tokens against each other.
            InputError: A token id is none of the vocabulary's, or a position is beyond the learned ones (on a GPU
                the kernel fails then, as for any index out of range).
        """
        self._require_fit(ids_BS, document_BS=document_BS, position_BS=position_BS)
        self._refuse_routers(cache)
        places = Places(ids_BS, document_BS, position_BS, cache)
        valid_BS = None if document_BS is None else document_BS >= 0
        multipliers = self.config.multipliers
        x_BSD = _times(self.embedding(ids_BS), multipliers.embedding)
        if self.positions is not None:
            x_BSD = x_BSD + self.positions(self._learned(places))
        routings: dict[int, Routing] = {}
        retrieved: dict[int, PEERStats] = {}
        for layer, block in enumerate(self.blocks):
            held = None if cache is None else cache.layer(layer)
            inputs = (x_BSD, ids_BS, places, valid_BS, (replay or {}).get(layer), held)
            x_BSD, decision = checkpoint(block, *inputs, use_reentrant=False) if recompute else block(*inputs)
            if isinstance(decision, Routing):
                routings[layer] = decision
            elif decision is not None:
                retrieved[layer] = decision
        if cache is not None:
            places.keep(cache)
        x_BSD = x_BSD[:, -1:] if last_only else x_BSD
        logits_BSV = _times(self.unembedding(self.norm(x_BSD)), 1 / multipliers.logits)
        return Output(logits_BSV=logits_BSV, routings=routings, retrieved=retrieved, document_BS=document_BS)

    @property
    def routers(self) -> dict[int, Router]:
        """The router of every routed layer, by layer number."""
        layers = enumerate(self.blocks)
        return {layer: block.ffn.router for layer, block in layers if isinstance(block.ffn, MoELayer)}

    @property
    def leaky_layers(self) -> tuple[int, ...]:
        """Layers whose routing in training sees later tokens: a training loss is then none of a language model."""
        return tuple(layer for layer, router in self.routers.items() if not router.causal_training)

    def _require_fit(self, ids_BS: Tensor, **of_tokens: Tensor | None) -> None:
        require(ids_BS.ndim == 2, "ids", "sequences × positions", f"{ids_BS.ndim} axes")
        _require_within("ids", ids_BS, self.arch.vocab_size)
        for name, given in of_tokens.items():
            if given is not None:
                require(given.shape == ids_BS.shape, name, f"{tuple(ids_BS.shape)}, as ids", tuple(given.shape))

    def _refuse_routers(self, cache: Cache | None) -> None:
        """Refuse to evaluate with routers that see later tokens, and to cache what would not be the whole's.

        Raises:
            ConfigError: A router sees later tokens; or there is a cache, and the model is training, gradients are
                kept, or a router weighs tokens against each other.
        """
        if cache is not None:
            require(not self.training, "cache", "left out in training; model.eval() ends it", "one")
            fixed = not torch.is_grad_enabled()
            require(fixed, "cache", "left out where gradients are kept; torch.no_grad() keeps none", "one")
        for layer, router in ({} if self.training else self.routers).items():
            config, what = router.config, f"router: {router.config.kind} of layer {layer}"
            if not router.causal:
                raise ConfigError(
                    f"{what} sees later tokens at evaluation, so the loss is none of a language model; "
                    f"set {config.causal_remedy}"
                )
            if cache is not None and not router.decides_alone:
                raise ConfigError(
                    f"{what} weighs tokens against each other at evaluation, so one at a time would take other "
                    f"experts; set {config.alone_remedy}"
                )

    def _learned(self, places: Places) -> Tensor:
        """Positions, refused beyond the learned ones.

        Raises:
            InputError: There is one beyond.
        """
        limit, position_S, length = self.arch.num_positions, places.new.position_S, places.all.place_S.shape[0]
        if position_S.ndim == 1 and length > limit:  # known without a look at the device
            raise InputError(f"ids: must be at most {limit} positions long, got {length}")
        _require_within("positions", position_S, limit)
        return position_S


def find_decoder(model: nn.Module) -> Decoder:
    """The decoder inside what wraps it: DDP, FSDP, ``torch.compile``, or a module of one's own.

    Raises:
        ConfigError: There is none, or more than one.
    """
    found = [module for module in model.modules() if isinstance(module, Decoder)]
    names = ", ".join(type(module).__name__ for module in found) or type(model).__name__
    require(len(found) == 1, "model", "one Decoder, or what wraps one", names)
    return found[0]


class Block(nn.Module):
    """One layer: x + mixer(norm(x)), then x + ffn(norm(x)); norms after each part too where there are four.

    A residual feed-forward works on the same input as the routed one, through a third norm where there is one.
    """

    def __init__(self, group: LayerGroup, arch: ArchSpec, config: ModelConfig, layer: int) -> None:
        super().__init__()
        after = group.num_norms == 4
        self.multiplier = config.multipliers.residual
        expected = (2, 3) if group.residual is not None else (2, 4)
        require(group.num_norms in expected, "num_norms", f"one of {expected}", group.num_norms)
        require(not (group.beside or group.reused), "beside, reused", "none in what is built here", group.beside)
        self.mixer_norm = make_norm(arch, config)
        self.mixer = make_mixer(group.mixer, arch, config)
        self.mixer_norm_after = make_norm(arch, config) if after else nn.Identity()
        self.ffn_norm = make_norm(arch, config)
        self.ffn = make_ffn(group.ffn, arch, config, layer)
        self.ffn_norm_after = make_norm(arch, config) if after else nn.Identity()
        self.residual = make_ffn(group.residual, arch, config, layer) if group.residual is not None else None
        self.residual_norm = make_norm(arch, config) if group.num_norms == 3 else None

    def forward(
        self,
        x_BSD: Tensor,
        ids_BS: Tensor,
        places: Places,
        valid_BS: Tensor | None = None,
        replay: Routing | None = None,
        held: LayerCache | None = None,
    ) -> tuple[Tensor, LayerDecision]:
        """The layer's output, and what it routed or retrieved."""
        mixed_BSD = self.mixer_norm_after(self.mixer(self.mixer_norm(x_BSD), places, held))
        x_BSD = x_BSD + _times(mixed_BSD, self.multiplier)
        h_BSD = self.ffn_norm(x_BSD)
        decision: LayerDecision = None
        if isinstance(self.ffn, MoELayer):
            y_BSD, decision = self.ffn(h_BSD, ids_BS, valid_BS, replay)
        elif isinstance(self.ffn, PEERLayer):
            y_TD, decision = self.ffn(h_BSD.flatten(0, 1), None if valid_BS is None else valid_BS.flatten())
            y_BSD = y_TD.view_as(h_BSD)
        else:
            y_BSD = self.ffn(h_BSD)
        y_BSD = self.ffn_norm_after(y_BSD)
        if self.residual is not None:
            beside_BSD = h_BSD if self.residual_norm is None else self.residual_norm(x_BSD)
            y_BSD = y_BSD + self.residual(beside_BSD)
        return x_BSD + _times(y_BSD, self.multiplier), decision


def make_norm(arch: ArchSpec, config: ModelConfig) -> nn.Module:
    """A norm over the residual stream."""
    if arch.norm == "rms":
        return RMSNorm(arch.d_model, eps=config.norm_eps)
    affine = arch.norm != "layernorm_no_weight"
    return nn.LayerNorm(arch.d_model, config.norm_eps, elementwise_affine=affine, bias=arch.norm == "layernorm")


def make_mixer(part: Mixer, arch: ArchSpec, config: ModelConfig) -> SelfAttention | LatentSelfAttention:
    """The attention that an architecture describes.

    Raises:
        ConfigError: It is another mixer, latent attention with an indexer, or attention that
            :meth:`SelfAttention.builds` does not know.
    """
    rotary = None if arch.num_positions else config.rotary
    scale = config.multipliers.attention
    if isinstance(part, Attention) and SelfAttention.builds(part):
        return SelfAttention(part, arch.d_model, config.norm_eps, rotary, scale)
    if isinstance(part, LatentAttention) and part.is_plain:
        return LatentSelfAttention(part, arch.d_model, rotary, scale)
    name = "Indexer, gate, sinks or window" if isinstance(part, LatentAttention) else type(part).__name__
    raise ConfigError(f"mixer: {name} is not built here; Attention and LatentAttention are")


def make_ffn(part: FeedForwardPart, arch: ArchSpec, config: ModelConfig, layer: int) -> nn.Module:
    """The feed-forward that an architecture describes.

    Raises:
        ConfigError: The layer has none, or one that is not plain: a learned activation, choices without weights.
    """
    if isinstance(part, DenseFFN) and part.is_plain:
        return FeedForward.from_part(part, arch.d_model, config.activation)
    if isinstance(part, MoE) and part.is_plain:
        return MoELayer(part, arch.d_model, arch.vocab_size, config, layer)
    if isinstance(part, PEER) and part.d_key > 0 and part.num_unreached == 0:
        return PEERLayer.from_part(part, arch.d_model)
    name = "a learned activation" if isinstance(part, DenseFFN) else type(part).__name__
    raise ConfigError(f"ffn: {name} is not built here; DenseFFN, MoE and PEER are")


def _refuse_grown_state(model: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """Refuse the state of a model with frozen rows where the model has none, before names are compared.

    Raises:
        InputError: It is such a state.
    """
    theirs = {name for name in state if name.startswith(prefix) and ".parametrizations." in name}
    ours = any(".parametrizations." in name for name, _ in model.named_parameters())
    if theirs and not ours:
        raise InputError(
            f"state: must be of a model that has not grown, holds {min(theirs)}; make the model by "
            "regrow(arch, config, growths) of optimoe.models.convert.lifelong, with the growths of its record"
        )


def _tie_again(model: nn.Module, _: Any) -> None:
    """Tie the embeddings of a model that ties them: a state that is assigned brings two tensors.

    Raises:
        InputError: The two tensors of the state differ.
    """
    assert isinstance(model, Decoder)
    one, other = model.embedding.weight, model.unembedding.weight
    if not model.arch.tied_embeddings or one is other:
        return
    if not (one.is_meta or other.is_meta) and not torch.equal(one, other):
        raise InputError("unembedding.weight: must equal embedding.weight in a model that ties them, differs")
    model.unembedding.weight = one


def _times(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else x * factor


def _require_within(name: str, index: Tensor, limit: int) -> None:
    """Refuse indices out of range where a look waits for nothing.

    Raises:
        InputError: One is negative, or the limit or more; or they are no integers.
    """
    if index.is_floating_point():
        raise InputError(f"{name}: must be integers, got {index.dtype}")
    if index.numel() > 0 and may_look(index):
        low, high = (int(bound) for bound in index.aminmax())
        if low < 0 or high >= limit:
            raise InputError(f"{name}: must be from 0 to {limit - 1}, got {low if low < 0 else high}")
