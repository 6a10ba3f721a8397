"""Decoders of layers that a token passes again: two stacks in turn (HRM-Text), a section in the middle (Dory)."""

from dataclasses import replace
from typing import Any

from optimoe.arch.hf.families.shared import BIAS, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import FULL, SLIDING, kind_of, window
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import Attention, DenseFFN
from optimoe.arch.spec import MOST_LAYERS, LayerGroup
from optimoe.core.errors import ConfigError, require, shown

_DEPTH, _STACK, _UPPER, _LOWER = "num_hidden_layers", "num_layers_per_stack", "H_cycles", "L_cycles"
_FIRST, _AGAIN, _LAST, _LOOPS = "n_input_layers", "n_recurrent_layers", "n_output_layers", "n_recurrent_loops"


class CycledStack(Stack):
    """Two stacks of equal layers: the lower one is passed ``L_cycles`` times, then the upper, ``H_cycles`` times.

    Each pass caches keys and values of its own (``transformers``, modeling_hrm_text.py).
    """

    parts: tuple[type, ...] = (Attention, DenseFFN)
    attention = Gqa(kv_heads=(), head_dim=128, output_gate=True, gate_bias=False)
    dense = Dense(bias="mlp_bias")

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every pass through a layer; those after the first read its weights."""
        upper, lower = fields.count(_UPPER), fields.count(_LOWER)
        times = upper * (lower + 1)
        stated = fields.depth(_DEPTH)
        number = fields.depth(_STACK) if fields.has(_STACK) else stated
        limit = f"at most {MOST_LAYERS} layers that a token passes"
        require(number * times <= MOST_LAYERS, _UPPER, limit, upper)
        if fields.has(_STACK):
            require(stated == number * times, _DEPTH, f"all {number * times} passes where {_STACK} stands", stated)
        heads = fields.count("num_attention_heads")
        require(d_model % heads == 0, "num_attention_heads", f"a divisor of hidden_size = {d_model}", heads)
        mixer = self.attention.read(fields, d_model, window(fields, FULL), False)
        layer = LayerGroup(num_layers=1, mixer=mixer, ffn=self.dense.read(fields, d_model))
        own, again = [layer] * number, [replace(layer, reused=True)] * number
        first = [*own, *again * (lower - 1), *own]
        return [*first, *(again * (lower + 1)) * (upper - 1)]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        own = [place for place, layer in enumerate(layers) if not layer.reused]
        number = len(own) // 2
        require(number > 0 and len(own) % 2 == 0, _STACK, "two stacks of equal depth", len(own))
        lower = max(1, own[number] // number)
        mixer, ffn = _parts_of(layers[0])
        return {
            _DEPTH: len(layers),
            _STACK: number,
            _LOWER: lower,
            _UPPER: max(1, len(layers) // (number * (lower + 1))),
            **self.attention.write(mixer),
            **self.dense.write(ffn),
        }


class RecurrentStack(Stack):
    """Layers of which a section in the middle is passed ``n_recurrent_loops`` times, with a cache for each pass.

    Residuals go a learned way towards the layer's output, a rate per channel; nothing else of a norm learns, but
    scales of queries, of the output's gate, and of the hidden values (nGPT, arXiv 2410.01131; ``transformers``,
    modeling_dory.py). Published files list each attention and each feed-forward as a layer.
    """

    parts: tuple[type, ...] = (Attention, DenseFFN)
    attention = Gqa(
        qkv_bias="attention_bias", output_bias="attention_bias", output_gate=True, gate_bias=False, head_dim=256
    )
    dense = Dense(bias="mlp_bias")

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every pass through a layer; those after the first read its weights."""
        kinds, (first, again, last) = self._sections(fields)
        loops = fields.count(_LOOPS)
        limit = f"at most {MOST_LAYERS} layers that a token passes"
        require(first + again * loops + last <= MOST_LAYERS, _LOOPS, limit, loops)
        ffn = replace(self.dense.read(fields, d_model), hidden_scales=True)
        of_kind = {kind: self._layer(fields, d_model, kind, ffn) for kind in sorted(set(kinds))}
        layers = [of_kind[kind] for kind in kinds]
        section = [replace(layer, reused=True) for layer in layers[first : first + again]]
        return [*layers[: first + again], *section * (loops - 1), *layers[first + again :]]

    def _layer(self, fields: Fields, d_model: int, kind: str, ffn: DenseFFN) -> LayerGroup:
        mixer = self.attention.read(fields, d_model, window(fields, kind), False)
        mixer = replace(mixer, query_scales=True, gate_scales=True)
        return LayerGroup(num_layers=1, mixer=mixer, ffn=ffn, num_norms=4, num_scales=2)

    def _sections(self, fields: Fields) -> tuple[list[str], tuple[int, int, int]]:
        """The kind of each layer, and how many are before, in and behind the section."""
        depth = fields.depth(_DEPTH)
        kinds = fields.items("layer_types", str, depth)
        parts = 2 if "mlp" in kinds else 1
        if parts == 2:
            alternate = depth % 2 == 0 and set(kinds[1::2]) == {"mlp"} and "mlp" not in kinds[::2]
            require(alternate, "layer_types", "attention and mlp in turn where one is mlp", shown(str(kinds)))
        unknown = sorted(set(kinds[::parts]) - {FULL, SLIDING})
        require(not unknown, "layer_types", f"{FULL} or {SLIDING}", shown(", ".join(unknown)))
        sizes = [fields.count(name, zero=True) for name in (_FIRST, _LAST)]
        again = fields.count(_AGAIN, zero=True) if fields.has(_AGAIN) else depth - sum(sizes)
        whole = all(size % parts == 0 for size in (*sizes, again)) and again >= 0
        sums = whole and sum(sizes) + again == depth
        require(sums, _AGAIN, f"with {_FIRST} and {_LAST} all {depth} layers", again)
        return kinds[::parts], (sizes[0] // parts, again // parts, sizes[1] // parts)

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        own = [layer for layer in layers if not layer.reused]
        before = next((place for place, layer in enumerate(layers) if layer.reused), len(own))
        again = len(layers) - len(own)
        sizes = [size for size in range(min(before, again), 0, -1) if again % size == 0]
        run = [replace(layer, reused=False) for layer in layers[before : before + again]]
        fits = [size for size in sizes if own[before - size : before] * (again // size) == run]
        section = next(iter(fits), 0) if again else before
        require(section > 0 or not again, _AGAIN, "layers that are passed again as a whole", again)
        mixer, ffn = _parts_of(own[0])
        windows = [layer.mixer.window_tokens for layer in own if kind_of(layer.mixer) == SLIDING]  # type: ignore[union-attr]
        return {
            _DEPTH: len(own),
            "layer_types": [kind_of(layer.mixer) for layer in own],
            "sliding_window": max(windows, default=1),
            _FIRST: before - section,
            _AGAIN: section,
            _LAST: len(own) - before,
            _LOOPS: 1 + (again // section if again else 0),
            **self.attention.write(mixer),
            **self.dense.write(ffn),
        }


def _parts_of(layer: LayerGroup) -> tuple[Attention, DenseFFN]:
    """The parts of a layer, which are the family's.

    Raises:
        ConfigError: They are others.
    """
    if not isinstance(layer.mixer, Attention) or not isinstance(layer.ffn, DenseFFN):
        raise ConfigError("layers: must be of attention and a dense feed-forward")
    return layer.mixer, layer.ffn


LOOPED: dict[str, ConfigFamily] = {
    "hrm_text": ConfigFamily(
        architecture="HrmTextForCausalLM",
        stack=CycledStack(),
        norm="layernorm_no_weight",
        remark="instructions that attend to all of themselves, and gradients that stop at a pass, are left out",
        defaults=UNTIED | BIAS | {"mlp_bias": False},
        only=BIAS,
    ),
    "dory": ConfigFamily(
        architecture="DoryForCausalLM",
        stack=RecurrentStack(),
        norm="layernorm_no_weight",
        unembedding_bias=True,
        defaults=UNTIED | BIAS | {"mlp_bias": False},
        only={"recurrent_kv_cache_mode": "per_loop"},
    ),
}
"""By ``model_type``."""
