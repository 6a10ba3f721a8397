"""Which layers are recurrent, by the rule of the family, and how it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import FULL, LINEAR, NOTHING, SLIDING, LayerKinds, StatedKinds, every, kind_of
from optimoe.arch.hf.mixers import window_of
from optimoe.arch.parts import MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require


class AllLinear(StatedKinds):
    """Every layer is recurrent, and no field says so (Mamba)."""

    def __call__(self, fields: Fields, num_layers: int) -> list[str]:
        """One kind for all layers."""
        return [LINEAR] * num_layers

    def written(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """There is no field."""
        return {}


@dataclass(frozen=True, kw_only=True)
class NamedKinds(StatedKinds):
    """A list of words, one a layer, where it stands, else a rule.

    Attributes:
        words: The kind that each word means; the first word of a kind is the one that is written.
        otherwise: The rule.
        fields: Names of the list, of which the first that stands counts; the first is written.
    """

    words: Mapping[str, str]
    otherwise: LayerKinds
    fields: tuple[str, ...] = ("layer_types", "layers_block_type")

    def __call__(self, fields: Fields, num_layers: int) -> list[str]:
        """The kind of each layer.

        Raises:
            ConfigError: A word of the list is none of the family's.
        """
        name = next((name for name in self.fields if fields.has(name)), "")
        if not name:
            return self.otherwise(fields, num_layers)
        stated = fields.items(name, str, num_layers)
        unknown = sorted(set(stated) - set(self.words))
        if unknown:
            raise ConfigError(f"{name}: must be {' or '.join(self.words)}, got {', '.join(unknown)}")
        return [self.words[word] for word in stated]

    def written(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """The list of words, and the window of the layers that have one."""
        words: dict[str, str] = {}
        for word, kind in self.words.items():
            words.setdefault(kind, word)
        windows = {window_of(layer.mixer) for layer in layers if kind_of(layer.mixer) == SLIDING}
        config: dict[str, Any] = {"sliding_window": max(windows, default=None)} if SLIDING in words else {}
        return config | {self.fields[0]: [words.get(kind_of(layer.mixer), "") for layer in layers]}


@dataclass(frozen=True, kw_only=True)
class NumberedAttention(StatedKinds):
    """A list of the numbers of layers that attend to everything; the others are recurrent (Bamba)."""

    field: str

    def __call__(self, fields: Fields, num_layers: int) -> list[str]:
        """The kind of each layer; all are recurrent where the list is missing or null."""
        attending = fields.items(self.field, int) if fields.has(self.field) else []
        return [FULL if layer in attending else LINEAR for layer in range(num_layers)]

    def written(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """The list of numbers."""
        return {self.field: [at for at, layer in enumerate(layers) if kind_of(layer.mixer) == FULL]}


LINEAR_OR_FULL = {LINEAR: LINEAR, FULL: FULL}
MAMBA_OR_ATTENTION = {**LINEAR_OR_FULL, "mamba": LINEAR, "attention": FULL}
"""Words of Granite 4 and Nemotron-H: those that transformers writes, and those of published files."""


def numbered_or_full(fields: Fields, num_layers: int) -> list[str]:
    """Layers of ``full_attn_idxs`` attend to everything, the others are convolutions; without it all (LFM2)."""
    if not fields.has("full_attn_idxs"):
        return [FULL] * num_layers
    attending = fields.items("full_attn_idxs", int)
    return [FULL if layer in attending else LINEAR for layer in range(num_layers)]


def alternating(fields: Fields, num_layers: int) -> list[str]:
    """Every second layer from the third on attends, to everything and within the window in turn (LFM3)."""
    attending = {2: FULL, 0: SLIDING}
    return [attending.get(layer % 4, LINEAR) if layer else LINEAR for layer in range(num_layers)]


def stated_only(fields: Fields, num_layers: int) -> list[str]:
    """A family whose list of layers must stand (LFM2-MoE).

    Raises:
        ConfigError: It does not.
    """
    return fields.items("layer_types", str, num_layers)


def fourth_or_last(fields: Fields, num_layers: int) -> list[str]:
    """Every fourth layer attends to everything, and the last where there are no four (OLMo-hybrid)."""
    kinds = [FULL if layer % 4 == 3 else LINEAR for layer in range(num_layers)]
    return kinds if FULL in kinds else [*kinds[:-1], FULL]


def every_of_group(fields: Fields, num_layers: int) -> list[str]:
    """The last layer of each ``layer_group_size`` attends to everything (Ling 3)."""
    return every(fields.count("layer_group_size"), FULL, LINEAR)(fields, num_layers)


def numbered_from_one(fields: Fields, num_layers: int) -> list[str]:
    """Lists of ``linear_attn_config``, which number layers from 1, else every fourth but the first (Kimi-Linear).

    Raises:
        ConfigError: A layer is in neither list, or in both.
    """
    full, linear = "linear_attn_config.full_attn_layers", "linear_attn_config.kda_layers"
    if not (fields.has(full) and fields.has(linear)):
        return [FULL if layer and layer % 4 == 0 else LINEAR for layer in range(num_layers)]
    lists = {FULL: fields.items(full, int), LINEAR: fields.items(linear, int)}
    each = [[kind for kind, numbers in lists.items() if layer in numbers] for layer in range(1, num_layers + 1)]
    together = sorted(number for numbers in lists.values() for number in numbers)
    require(
        together == list(range(1, num_layers + 1)), full, f"with kda_layers each of {num_layers} once", together
    )
    return [kinds[0] for kinds in each]


class RepeatedBlocks(StatedKinds):
    """The list ``block_types`` over and over: ``recurrent``, or attention with a window (RecurrentGemma)."""

    def __call__(self, fields: Fields, num_layers: int) -> list[str]:
        """The kind of each layer.

        Raises:
            ConfigError: A word is none of the two, or the list is empty.
        """
        words = fields.items("block_types", str)
        require(len(words) > 0, "block_types", "one word or more", len(words))
        require(set(words) <= {"recurrent", "attention"}, "block_types", "recurrent or attention", words)
        require(num_layers <= 100 * len(words), "num_hidden_layers", f"at most {100 * len(words)}", num_layers)
        return [LINEAR if words[layer % len(words)] == "recurrent" else SLIDING for layer in range(num_layers)]

    def written(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """A word for each layer, and the window."""
        window = max((window_of(layer.mixer) for layer in layers if not layer.mixer.recurrent), default=0)
        words = ["recurrent" if layer.mixer.recurrent else "attention" for layer in layers]
        return {"block_types": words} | ({"attention_window_size": window} if window else {})


class OnePart(StatedKinds):
    """Layers of one part each, a mixer or a feed-forward: ``layers_block_type``, or a letter each (Nemotron-H)."""

    LIST, LETTERS = "layers_block_type", "hybrid_override_pattern"
    WORDS: ClassVar = {**MAMBA_OR_ATTENTION, "moe": "moe", "mlp": "mlp"}
    OF_LETTER: ClassVar = {"M": LINEAR, "*": FULL, "E": "moe", "-": "mlp"}

    def stated(self, fields: Fields) -> list[str]:
        """What each layer is.

        Raises:
            ConfigError: Neither field stands, or a word or letter is none of the family's.
        """
        listed = fields.has(self.LIST)
        field, words = (self.LIST, self.WORDS) if listed else (self.LETTERS, self.OF_LETTER)
        each = fields.items(self.LIST, str) if listed else list(fields.text(self.LETTERS))
        unknown = sorted(set(each) - set(words))
        require(len(each) > 0, field, "one layer or more", len(each))
        require(not unknown, field, f"of {' or '.join(words)}", ", ".join(unknown))
        return [words[word] for word in each]

    def depth(self, fields: Fields) -> int:
        """Layers of the list, which ``num_hidden_layers`` must count where it stands.

        Raises:
            ConfigError: It counts others.
        """
        number = len(self.stated(fields))
        if fields.has("num_hidden_layers"):
            layers = fields.count("num_hidden_layers")
            require(layers == number, "num_hidden_layers", f"the {number} layers of the pattern", layers)
        return number

    def __call__(self, fields: Fields, num_layers: int) -> list[str]:
        """The mixer of each layer, or none."""
        return [kind if kind in (LINEAR, FULL) else NOTHING for kind in self.stated(fields)]

    def routing(self, fields: Fields, num_layers: int) -> list[bool | None]:
        """Whether each layer routes, or has no feed-forward."""
        routes = {"moe": True, "mlp": False}
        return [routes.get(kind) for kind in self.stated(fields)]

    def written(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """The list of words."""
        ffns = {True: "moe", False: "mlp"}
        kinds = [kind_of(layer.mixer) for layer in layers]
        return {
            self.LIST: [
                ffns[isinstance(layer.ffn, MoE)] if kind == NOTHING else kind
                for layer, kind in zip(layers, kinds, strict=True)
            ]
        }


ONE_PART = OnePart()
"""Both rules of Nemotron-H."""
