"""Routed decoders with short convolutions around their attention (ZAYA, Inkling)."""

from dataclasses import replace
from typing import Any, ClassVar

from optimoe.arch.hf.families.shared import BIAS, BIASED, TIED, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense, Routed, leading_layers, listed_or
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import FULL, SLIDING, StatedKinds, every, window
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.hf.recurrent.kinds import NamedKinds
from optimoe.arch.parts import (
    UNLIMITED_WINDOW,
    CausalConvolution,
    ConvolvedAttention,
    DenseFFN,
    DistanceBias,
    MoE,
)
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require

_WORDS = {"hybrid": FULL, "hybrid_sliding": SLIDING}


class ZayaStack(Stack):
    """Layers of ZAYA: convolved queries and keys, delayed values, a router of three matrices, scaled residuals."""

    parts: tuple[type, ...] = (ConvolvedAttention, MoE)
    attention = replace(BIASED, head_dim=128)
    experts = Routed(zero_experts="")
    kinds = NamedKinds(words=_WORDS, otherwise=lambda fields, layers: [FULL] * layers, fields=("layer_types",))
    scales = 8
    """A scale and a bias of the residual and of what is added to it, behind each of the two parts."""

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer; the router of each but the first carries that of the one below."""
        num_layers = fields.depth()
        kinds = self.kinds(fields, num_layers)
        mixers = {kind: self._mixer(fields, d_model, kind) for kind in set(kinds)}
        moe = replace(self.experts.read(fields), num_zero_experts=1, d_router=fields.count("router_hidden_size"))
        return [
            LayerGroup(
                num_layers=1,
                mixer=mixers[kind],
                ffn=replace(moe, router_carries=layer > 0),
                num_scales=self.scales,
            )
            for layer, kind in enumerate(kinds)
        ]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        mixer, moe = layers[0].mixer, layers[0].ffn
        if not isinstance(mixer, ConvolvedAttention) or len(mixer.convolutions) != 2 or not isinstance(moe, MoE):
            raise ConfigError("layer 0: must be attention with two convolutions, and routed experts")
        times = {f"cca_time{at}": convolution.d_conv for at, convolution in enumerate(mixer.convolutions)}
        config = self.attention.write(mixer.attention) | self.experts.write(moe) | times
        return config | _written_kinds(self.kinds, layers) | {"router_hidden_size": moe.d_router}

    def _mixer(self, fields: Fields, d_model: int, kind: str) -> ConvolvedAttention:
        attention = self.attention.read(fields, d_model, window(fields, kind), chunked=False)
        half = attention.num_kv_heads * attention.head_dim
        require(half % 2 == 0, "head_dim", "an even width of all key-value heads", half)
        channels = (attention.num_heads + attention.num_kv_heads) * attention.head_dim
        depthwise = CausalConvolution(channels=channels, d_conv=fields.count("cca_time0"), bias=True)
        grouped = replace(depthwise, d_conv=fields.count("cca_time1"), group=attention.head_dim)
        return ConvolvedAttention(
            attention=replace(attention, key_scales=True),
            convolutions=(depthwise, grouped),
            delayed_values=half // 2,
        )


_HEADS = Gqa(qk_norm="head", head_dim=128)
_WINDOW_HEADS = Gqa(
    qk_norm="head",
    heads=("swa_num_attention_heads",),
    kv_heads=("swa_num_key_value_heads",),
    head_field="swa_head_dim",
)


_OF_INKLING2: dict[str, Any] = {"qk_norm": "none", "output_gate": True, "gate_bias": False}


def _numbered(fields: Fields, num_layers: int) -> list[str]:
    """Layers of ``local_layer_ids`` have a window, without that list all but every sixth."""
    if not fields.has("local_layer_ids"):
        return every(6, FULL, SLIDING)(fields, num_layers)
    local = fields.items("local_layer_ids", int)
    return [SLIDING if layer in local else FULL for layer in range(num_layers)]


class InklingStack(Stack):
    """Layers of Inkling: a bias by distance, and convolutions of keys, of values and of what leaves both parts."""

    parts: tuple[type, ...] = (ConvolvedAttention, DenseFFN, MoE)
    attention = replace(_HEADS, sliding=_WINDOW_HEADS)
    kinds = NamedKinds(words=_WORDS, otherwise=_numbered, fields=("layer_types",))
    dense = Dense()
    experts = Routed(experts=("n_routed_experts",), shared_count="n_shared_experts")
    pattern = staticmethod(listed_or(leading_layers("dense_mlp_idx")))

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields."""
        num_layers = fields.depth()
        kinds = self.kinds(fields, num_layers)
        routed = self.pattern(fields, num_layers)
        mixers = {kind: self.mixer(fields, d_model, kind) for kind in set(kinds)}
        ffns = {routes: self._ffn(fields, d_model, bool(routes)) for routes in set(routed)}
        return [
            LayerGroup(num_layers=1, mixer=mixers[kind], ffn=ffns[routes])
            for kind, routes in zip(kinds, routed, strict=True)
        ]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        config = self._written_mixers(layers)
        for table, part in ((self.dense, DenseFFN), (self.experts, MoE)):
            ffn: Any = next((layer.ffn for layer in layers if isinstance(layer.ffn, part)), None)
            config |= table.write(ffn) if ffn is not None else {}
        routes = [isinstance(layer.ffn, MoE) for layer in layers]
        return config | {"mlp_layer_types": ["sparse" if one else "dense" for one in routes]}

    def _written_mixers(self, layers: list[LayerGroup]) -> dict[str, Any]:
        config = _written_kinds(self.kinds, layers)
        for layer in reversed(layers):  # of layers of one kind the first is written last
            mixer = layer.mixer
            if not isinstance(mixer, ConvolvedAttention) or mixer.attention.distances is None:
                raise ConfigError("layers: must be attention with convolutions and a bias by distance")
            config |= self.attention.write(mixer.attention)
            config |= {"d_rel": mixer.attention.distances.width, "conv_kernel_size": mixer.convolutions[0].d_conv}
            if mixer.attention.window_tokens == UNLIMITED_WINDOW:
                config["rel_extent"] = mixer.attention.distances.extent
        config["sliding_window_size"] = config.pop("sliding_window", None)
        return config

    def mixer(self, fields: Fields, d_model: int, kind: str) -> ConvolvedAttention:
        """The attention of a kind of layer, and the convolutions of its keys, its values and of both outputs."""
        reach = fields.count("sliding_window_size") if kind == SLIDING else UNLIMITED_WINDOW
        attention = self.attention.read(fields, d_model, reach, chunked=False)
        extent = reach if kind == SLIDING else fields.count("rel_extent")
        attention = replace(attention, distances=DistanceBias(width=fields.count("d_rel"), extent=extent))
        keys = attention.num_kv_heads * attention.head_dim
        of_keys = CausalConvolution(channels=keys, d_conv=fields.count("conv_kernel_size"))
        leaving = replace(of_keys, channels=d_model)
        return ConvolvedAttention(attention=attention, convolutions=(of_keys, of_keys, leaving, leaving))

    def _ffn(self, fields: Fields, d_model: int, routes: bool) -> DenseFFN | MoE:
        """Experts, or a dense feed-forward; older files name the width of experts ``intermediate_size``."""
        older = fields.has("dense_intermediate_size")
        if not routes:
            table = replace(self.dense, width="dense_intermediate_size") if older else self.dense
            return replace(table.read(fields, d_model), output_scale=True)
        experts = replace(self.experts, width=("intermediate_size",)) if older else self.experts
        return replace(experts.read(fields), shared_routed=True, output_scale=True)


class Inkling2Stack(InklingStack):
    """Layers of Inkling 2: gates, sinks and kernels of the token, scales instead of norms of queries and keys.

    A layer attends to what blocks of layers below gave, by one learned query before each part, or by one each for
    queries, keys and values where it sees everything; the first has none before its attention.
    """

    parts: tuple[type, ...] = (ConvolvedAttention, MoE)
    attention = replace(
        InklingStack.attention,
        **_OF_INKLING2,
        sliding=replace(_WINDOW_HEADS, **_OF_INKLING2),
    )
    kinds = replace(InklingStack.kinds, otherwise=every(6, FULL, SLIDING))
    experts = Routed(experts=("n_routed_experts",))

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields."""
        num_layers = fields.depth()
        kinds = self.kinds(fields, num_layers)
        mixers = {kind: self.mixer(fields, d_model, kind) for kind in set(kinds)}
        moe = self.experts.read(fields)
        return [
            LayerGroup(
                num_layers=1,
                mixer=mixers[kind],
                ffn=moe,
                num_norms=1 + self.inputs[kind],
                num_scales=1 + (layer > 0) * self.inputs[kind],
            )
            for layer, kind in enumerate(kinds)
        ]

    inputs: ClassVar = {FULL: 3, SLIDING: 1}
    """Inputs of the attention that are gathered and normed apart."""

    def mixer(self, fields: Fields, d_model: int, kind: str) -> ConvolvedAttention:
        """The attention of a kind of layer; where it sees everything, tokens compute kernels."""
        mixer = super().mixer(fields, d_model, kind)
        attention = replace(mixer.attention, query_scales=True, token_sinks=True)
        dynamic = attention.num_kv_heads if kind == FULL else 0
        keys, values, *leaving = mixer.convolutions
        of_token = [replace(one, dynamic_heads=dynamic) for one in (keys, values)]
        return replace(mixer, attention=attention, convolutions=(*of_token, *leaving))

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        moe: Any = layers[0].ffn
        return self._written_mixers(layers) | self.experts.write(moe)


def _written_kinds(kinds: StatedKinds, layers: list[LayerGroup]) -> dict[str, Any]:
    """The kinds of layers by what their attention is."""
    inner = [
        replace(layer, mixer=layer.mixer.attention) if isinstance(layer.mixer, ConvolvedAttention) else layer
        for layer in layers
    ]
    return kinds.written(inner)


CONVOLVED: dict[str, ConfigFamily] = {
    "zaya": ConfigFamily(
        architecture="ZayaForCausalLM",
        stack=ZayaStack(),
        num_end_scales=2,
        unembedding_bias="lm_head_bias",
        defaults=TIED | BIAS | {"lm_head_bias": False, "sliding_window": None},
        only={"num_experts_per_tok": 1},
    ),
    "inkling_text": ConfigFamily(
        architecture="InklingForCausalLM",
        stack=InklingStack(),
        num_end_norms=2,
        uncounted={"num_mtp_layers": "its layers of multi-token prediction"},
        aliases={
            "sconv_kernel_size": "conv_kernel_size",
            "sliding_window": "sliding_window_size",
            "num_local_experts": "n_routed_experts",
        },
        defaults=UNTIED | {"dense_mlp_idx": 0, "local_layer_ids": None},
        only=UNTIED,
    ),
    "inkling2_text": ConfigFamily(
        architecture="Inkling2ForCausalLM",
        stack=Inkling2Stack(),
        num_end_norms=2,
        num_end_scales=1,
        logits="unpadded_vocab_size",
        aliases={
            "sconv_kernel_size": "conv_kernel_size",
            "sliding_window": "sliding_window_size",
            "num_local_experts": "n_routed_experts",
            "intermediate_size": "moe_intermediate_size",
        },
        defaults=UNTIED,
        only=UNTIED,
    ),
}
"""By ``model_type``."""
