"""Which layers are recurrent, by the rule of the family, and how it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import FULL, LINEAR, LayerKinds, StatedKinds, kind_of
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError


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
        """The list of words."""
        words: dict[str, str] = {}
        for word, kind in self.words.items():
            words.setdefault(kind, word)
        return {self.fields[0]: [words.get(kind_of(layer.mixer), "") for layer in layers]}


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


MAMBA_OR_ATTENTION = {"linear_attention": LINEAR, "full_attention": FULL, "mamba": LINEAR, "attention": FULL}
"""Words of Granite 4 and Nemotron-H: those that transformers writes, and those of published files."""
