"""How one ``model_type`` of ``config.json`` is put together: a composition of field tables."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimoe.arch.hf.ends.tables import Ends, PlainEnds
from optimoe.arch.hf.ffns import Dense, Pattern, Routed, no_layer
from optimoe.arch.hf.fields import Config, Fields, Flag
from optimoe.arch.hf.layers import Depth, LayerKinds, NormRule, all_full, stated_depth
from optimoe.arch.hf.mixers import Gqa, HeadExperts, Mla
from optimoe.arch.hf.recurrent.state_space import SideBySide
from optimoe.arch.hf.recurrent.table import RecurrentTable
from optimoe.arch.hf.traits.readers import FUNCTION_UNSTATED, Reader, always
from optimoe.arch.residual.streams import HyperConnections
from optimoe.arch.spec import LayerGroup, Norm
from optimoe.core.errors import require


class Stack(ABC):
    """Field table of whole layers, where the kind of a layer's mixer and whether it routes do not say them.

    Attributes:
        parts: Mixers and feed-forwards that the fields can express.
    """

    parts: tuple[type, ...]

    @abstractmethod
    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer by itself, from the input up.

        Raises:
            ConfigError: A field is missing, of the wrong type or out of limits.
        """

    @abstractmethod
    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers, all of known parts, into the fields that they were read from."""


@dataclass(frozen=True, kw_only=True)
class StreamsField:
    """The field that counts the streams of the residual, and whether these ``mix``."""

    field: str = "hc_mult"
    mix: bool = True

    def read(self, fields: Fields) -> HyperConnections:
        """Read the streams from their field."""
        return HyperConnections(num_streams=fields.count(self.field), mix=self.mix)

    def write(self, streams: object) -> dict[str, Any]:
        """Write streams into the field that they were read from; others, or one, read back differently."""
        return {self.field: streams.num_streams if isinstance(streams, HyperConnections) else 1}


Rows = Callable[[Fields, list[str]], dict[int, dict[str, Any]]]


def no_rows(fields: Fields, kinds: list[str]) -> dict[int, dict[str, Any]]:
    """Layers of most families have no fields of their own."""
    return {}


def nothing(config: Config) -> Config:
    """Most families take constants for their absent fields."""
    return {}


@dataclass(frozen=True, kw_only=True)
class ConfigFamily:
    """How one ``model_type`` is put together.

    Attributes:
        architecture: The class that ``architectures`` names.
        attention: Field table of softmax layers.
        linear: Field table of recurrent or block-sparse layers, where there are any.
        stack: Field table of whole layers, which stands for all tables of mixers, feed-forwards and norms.
        streams: Field table of the residual's streams, where it has several.
        kinds: Which mixer each layer has.
        depth: How many layers there are.
        dense, routed: Field tables of the feed-forwards.
        pattern: Which layers route.
        norm, num_norms, num_end_norms: Kind of the norms, and how many a layer has, and the two ends.
        num_scales, num_end_scales: Vectors of d beside the norms of a layer, and beside the layers.
        norm_bias: Field that says whether norms, which are a LayerNorm then, have biases.
        routed_norms: How many more a layer has that routes.
        bare_first: Whether the first layer has no norm before its mixer.
        ends: Field table of what stands at the two ends beside embedding and unembedding.
        never_tied: Whether the head is a matrix of its own, whatever ``tie_word_embeddings`` says.
        part: Table in which the fields stand; empty where there is none.
        outside: Those that stand beside it.
        remark: What a reader must know of the model; it begins the note.
        positions, extra_positions: Field that counts learned positions, and rows of their table beyond it.
        residual: Field that says whether a dense feed-forward of width d, with its norm, stands beside the
            routed one (Arctic).
        gate_rank: Field of the rank of gates behind the first norm of each layer, and behind the second of one
            that routes: narrow feed-forwards of two matrices that every token passes (A.X-K2).
        mtp: Field that counts multi-token-prediction layers.
        uncounted: Fields that count layers of another make, and what these are: a note says that they are not in.
        logits: Field of the rows of the unembedding, where it has fewer than the embedding.
        unembedding_bias: Whether logits add a bias, or the field that says so.
        aliases: Other names of fields, as keys (``attribute_map`` of its configuration class).
        rows: What single layers have of their own, by their number, of the fields and the layers' kinds.
        by_layer: Fields that may list one value a layer, and the field that each value stands for in its layer.
        defaults: For absent fields.
        derived: What the family's code computes for absent fields from those that are there.
        fixed: Fields that are written as they are (activation and the like).
        only: The one value that a field may have where it stands, or a list of it where layers may differ:
            others would need parts that are not described.
        same: Fields that must equal another where they stand, for the same reason.
        traits: What its function needs beyond its parts (:mod:`optimoe.arch.hf.traits.readers`); an empty tuple
            where that is nothing. Left out, nobody says, and models of the family are built as shapes only.
    """

    architecture: str
    attention: Gqa | Mla | HeadExperts | SideBySide = Gqa()  # noqa: RUF009 (frozen)
    linear: RecurrentTable | None = None
    stack: Stack | None = None
    streams: StreamsField | None = None
    kinds: LayerKinds = all_full
    depth: Depth = stated_depth
    dense: Dense = Dense()  # noqa: RUF009
    routed: Routed | None = None
    pattern: Pattern = no_layer
    norm: Norm = "rms"
    num_norms: int | NormRule = 2
    num_end_norms: int | NormRule = 1
    num_scales: int = 0
    num_end_scales: int | NormRule = 0
    norm_bias: str = ""
    routed_norms: int = 0
    bare_first: bool = False
    ends: Ends = PlainEnds()  # noqa: RUF009
    never_tied: bool = False
    part: str = ""
    outside: tuple[str, ...] = ()
    remark: str = ""
    positions: str = ""
    extra_positions: int = 0
    residual: str = ""
    gate_rank: str = ""
    mtp: str = ""
    uncounted: dict[str, str] = field(default_factory=dict)
    logits: str = ""
    unembedding_bias: Flag = False
    aliases: dict[str, str] = field(default_factory=dict)
    rows: Rows = no_rows
    by_layer: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    derived: Callable[[Config], Config] = nothing
    fixed: dict[str, Any] = field(default_factory=dict)
    only: dict[str, Any] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    traits: tuple[Reader, ...] = (always(FUNCTION_UNSTATED),)

    def fields(self, config: Config) -> Fields:
        """A configuration's fields, with what the family takes for absent ones and by its other names."""
        if self.part:
            inner = config.get(self.part)
            require(isinstance(inner, Mapping), self.part, "a table", inner)
            beside = {name: config[name] for name in self.outside if name in config}
            config = {
                **{name: value for name, value in (inner or {}).items() if name not in self.outside},
                **beside,
            }
        return Fields(config, {**self.derived(config), **self.defaults}, self.aliases)
