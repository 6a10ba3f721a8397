"""Which mixer each layer has (windows, chunks, linear layers), and how many norms, by the rule of the family."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.mixers import window_of
from optimoe.arch.parts import UNLIMITED_WINDOW, Attention, BlockSparseAttention, LatentAttention, Mixer
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require, shown

FULL, SLIDING, CHUNKED, LINEAR, SHARED, NOTHING, BLOCKS = (
    "full_attention",
    "sliding_attention",
    "chunked_attention",
    "linear_attention",
    "shared_selection",
    "no_mixer",
    "block_sparse_attention",
)
LayerKinds = Callable[[Fields, int], list[str]]
"""From the fields and the number of layers to the kind of each layer's mixer."""


Depth = Callable[[Fields], int]
"""From the fields to the number of layers."""


def stated_depth(fields: Fields) -> int:
    """The layers that ``num_hidden_layers`` counts."""
    return fields.depth()


class StatedKinds(ABC):
    """A rule that has fields of its own and writes them."""

    @abstractmethod
    def __call__(self, fields: Fields, num_layers: int) -> list[str]:
        """The kind of each layer's mixer."""

    @abstractmethod
    def written(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """The fields of the layers' kinds; kinds that they cannot express read back differently."""


def listed(otherwise: LayerKinds) -> LayerKinds:
    """The field ``layer_types`` where it stands, else a rule."""

    def kinds(fields: Fields, num_layers: int) -> list[str]:
        if not fields.has("layer_types"):
            return otherwise(fields, num_layers)
        types = fields.items("layer_types", str, num_layers)
        unknown = set(types) - {FULL, SLIDING, CHUNKED, LINEAR}
        if unknown:
            raise ConfigError(f"layer_types: must be kinds of attention, got {shown(repr(sorted(unknown)))}")
        return types

    return kinds


def all_full(fields: Fields, num_layers: int) -> list[str]:
    """Every layer attends to everything."""
    return [FULL] * num_layers


def all_sliding(fields: Fields, num_layers: int) -> list[str]:
    """Every layer has the window ``sliding_window``, unless that is null (Mistral, Mixtral)."""
    return [SLIDING if fields.has("sliding_window") else FULL] * num_layers


listed_or_sliding = listed(all_sliding)
"""Of Mistral and Mixtral; layers of one kind are written without a list, with which Mistral is another class."""


def every(number: int, kind: str, others: str) -> LayerKinds:
    """Every ``number``-th layer is of one kind, the others of another."""

    def kinds(fields: Fields, num_layers: int) -> list[str]:
        return [kind if (layer + 1) % number == 0 else others for layer in range(num_layers)]

    return kinds


def starting(number: int, kind: str, others: str) -> LayerKinds:
    """The first and every ``number``-th layer after it is of one kind, the others of another."""

    def kinds(fields: Fields, num_layers: int) -> list[str]:
        return [others if layer % number else kind for layer in range(num_layers)]

    return kinds


def every_of(number: str, others: str = SLIDING) -> LayerKinds:
    """Every n-th layer attends to everything, the others are of another kind; ``number`` is the field of n."""

    def kinds(fields: Fields, num_layers: int) -> list[str]:
        return every(fields.count(number), FULL, others)(fields, num_layers)

    return kinds


every_interval = every_of("full_attention_interval", LINEAR)
"""Of Qwen3-Next."""
every_pattern = every_of("sliding_window_pattern")
"""Of Gemma 3."""


def qwen_windows(fields: Fields, num_layers: int) -> list[str]:
    """Sliding windows of Qwen2 and Qwen3: with ``use_sliding_window`` from layer ``max_window_layers`` on."""
    if not fields.flag("use_sliding_window"):
        return [FULL] * num_layers
    first = fields.count("max_window_layers", zero=True)
    return [SLIDING if layer >= first else FULL for layer in range(num_layers)]


def no_rope_windows(fields: Fields, num_layers: int) -> list[str]:
    """Layers without RoPE have the window where ``use_sliding_window`` is true (SmolLM3)."""
    if not fields.flag("use_sliding_window") or not fields.has("sliding_window"):
        return [FULL] * num_layers
    if fields.has("no_rope_layers"):
        rope = fields.items("no_rope_layers", int, num_layers)
        return [FULL if uses_rope else SLIDING for uses_rope in rope]
    return every(fields.count("no_rope_layer_interval"), SLIDING, FULL)(fields, num_layers)


def rope_chunks(fields: Fields, num_layers: int) -> list[str]:
    """Layers with RoPE attend in chunks, the others to everything (Llama 4)."""
    if fields.has("no_rope_layers"):
        rope = fields.items("no_rope_layers", int)
        rope = rope or [1 if (layer + 1) % 4 else 0 for layer in range(num_layers)]
        if len(rope) != num_layers:
            raise ConfigError(f"no_rope_layers: must have {num_layers} entries, got {len(rope)}")
        return [CHUNKED if uses_rope else FULL for uses_rope in rope]
    interval = fields.count("no_rope_layer_interval")
    return every(interval, FULL, CHUNKED)(fields, num_layers)


def late_windows(fields: Fields, num_layers: int) -> list[str]:
    """Layers from ``max_window_layers`` on have the window, unless that is null (dots.llm1)."""
    first = fields.count("max_window_layers", zero=True)
    windowed = fields.has("sliding_window")
    return [SLIDING if windowed and layer >= first else FULL for layer in range(num_layers)]


def prefix_windows(fields: Fields, num_layers: int) -> list[str]:
    """Windows of the first dense layers by one pattern, of those above afresh by another (Command A MoE)."""
    dense = min(fields.count("first_k_dense_replace", zero=True), num_layers)
    prefix = every_of("prefix_dense_sliding_window_pattern")(fields, dense)
    return prefix + every_pattern(fields, num_layers - dense)


def attention_period(fields: Fields, num_layers: int) -> list[str]:
    """Layers at ``attn_layer_offset`` of each ``attn_layer_period`` attend, the others are linear (Jamba)."""
    period, offset = fields.phase("attn_layer_period", "attn_layer_offset")
    return [FULL if layer % period == offset else LINEAR for layer in range(num_layers)]


def marked(fields: Fields, num_layers: int) -> list[str]:
    """Layers that ``hybrid_layer_pattern`` marks have the window, the others attend to everything (MiMo-V2).

    Without it ``layer_types``, and without these all but the first layer and every sixth have the window.
    """
    if not fields.has("hybrid_layer_pattern"):
        return listed(_first_and_sixth)(fields, num_layers)
    marks = fields.items("hybrid_layer_pattern", int, num_layers)
    kinds = [SLIDING if mark else FULL for mark in marks]
    if fields.has("layer_types") and fields.items("layer_types", str, num_layers) != kinds:
        raise ConfigError("layer_types: must say what hybrid_layer_pattern says")
    return kinds


def _first_and_sixth(fields: Fields, num_layers: int) -> list[str]:
    return [FULL if layer == 0 or (layer + 1) % 6 == 0 else SLIDING for layer in range(num_layers)]


def selecting(fields: Fields, num_layers: int) -> list[str]:
    """Every layer selects what it attends to, but shared ones of ``indexer_types`` take the last one over.

    Without the list, letters F and S of ``index_topk_pattern`` say so, or every ``index_topk_freq``-th layer
    behind the first ``index_skip_topk_offset`` selects (GLM-5.2).

    Raises:
        ConfigError: A layer is neither of the two, or the first one shares a selection.
    """
    if fields.has("indexer_types"):
        types = fields.items("indexer_types", str, num_layers)
    elif fields.has("index_topk_pattern"):
        types = [{"F": "full", "S": "shared"}.get(mark, mark) for mark in fields.text("index_topk_pattern")]
        require(len(types) == num_layers, "index_topk_pattern", f"{num_layers} letters", len(types))
    else:
        step, first = fields.count("index_topk_freq"), fields.count("index_skip_topk_offset", zero=True)
        types = ["shared" if max(layer - first + 1, 0) % step else "full" for layer in range(num_layers)]
    if not set(types) <= {"full", "shared"} or types[0] != "full":
        raise ConfigError("indexer_types: must be full or shared, full in the first layer")
    return [FULL if kind == "full" else SHARED for kind in types]


_GPT_NEO = {"global": FULL, "local": SLIDING}


def alternating(fields: Fields, num_layers: int) -> list[str]:
    """Layers by ``attention_types``: kinds that repeat so many times, ``local`` ones with a window (GPT-Neo).

    Raises:
        ConfigError: It is no list of such pairs, or names another number of layers.
    """
    pairs = fields.items("attention_types", list)
    kinds: list[Any] = []
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], list) or type(pair[1]) is not int:
            raise ConfigError(f"attention_types: must be pairs of kinds and how often they repeat, got {pair!r}")
        kinds += pair[0] * min(pair[1], num_layers + 1)
    if len(kinds) != num_layers or not all(isinstance(kind, str) and kind in _GPT_NEO for kind in kinds):
        raise ConfigError(f"attention_types: must name {num_layers} layers, each global or local")
    return [_GPT_NEO[kind] for kind in kinds]


def window(fields: Fields, kind: str) -> int:
    """The window of a kind of layer, or how many tokens it takes over from a selection."""
    if kind == SHARED:
        return fields.count("index_topk")
    if kind == SLIDING:
        return fields.count("sliding_window", null=UNLIMITED_WINDOW)
    if kind == CHUNKED:
        return fields.count("attention_chunk_size", null=UNLIMITED_WINDOW)
    return UNLIMITED_WINDOW


def kind_of(mixer: Mixer) -> str:
    """The kind of a layer by its mixer."""
    if mixer.absent or mixer.recurrent:
        return NOTHING if mixer.absent else LINEAR
    if isinstance(mixer, BlockSparseAttention):
        return BLOCKS
    if window_of(mixer) == UNLIMITED_WINDOW:
        return FULL
    if isinstance(mixer, LatentAttention):
        return SHARED
    return CHUNKED if isinstance(mixer, Attention) and mixer.chunked else SLIDING


def written_kinds(rule: LayerKinds, mixers: list[Mixer]) -> dict[str, Any]:
    """The fields of the layers' kinds; kinds that they cannot express read back differently."""
    kinds = [kind_of(mixer) for mixer in mixers]
    windows = {kind: window_of(mixer) for kind, mixer in zip(kinds, mixers, strict=True)}
    config: dict[str, Any] = {}
    if CHUNKED in windows:
        config["attention_chunk_size"] = windows[CHUNKED]
    config["sliding_window"] = windows.get(SLIDING)
    if rule is attention_period:
        first = kinds.index(FULL) if FULL in kinds else len(kinds)
        after = kinds[first + 1 :]
        return {
            "attn_layer_period": after.index(FULL) + 1 if FULL in after else len(kinds) + 1,
            "attn_layer_offset": first,
        }
    if rule is listed_or_sliding and len(windows) == 1:
        return config
    if rule is alternating:
        words = {kind: word for word, kind in _GPT_NEO.items()}
        width = {"window_size": windows[SLIDING]} if SLIDING in windows else {}
        return width | {"attention_types": [[[words[kind] for kind in kinds], 1]]}
    if rule is marked:
        return config | {"layer_types": kinds, "hybrid_layer_pattern": [int(kind == SLIDING) for kind in kinds]}
    if rule is selecting:
        types = ["shared" if kind == SHARED else "full" for kind in kinds]
        return {"indexer_types": types} if SHARED in kinds else {}
    if rule in (all_full, all_sliding):
        return config if rule is all_sliding else {}
    if rule is qwen_windows:
        return config | {"max_window_layers": kinds.index(SLIDING) if SLIDING in kinds else len(kinds)}
    return config | {"layer_types": kinds}


class NormRule(ABC):
    """The rule by which fields say how many norms a layer has, or how many the ends beside the layers."""

    @abstractmethod
    def read(self, fields: Fields) -> int:
        """The number of norms."""

    @abstractmethod
    def write(self, number: int) -> dict[str, Any]:
        """The fields of that number; a number that they cannot express reads back differently."""


@dataclass(frozen=True, kw_only=True)
class Switched(NormRule):
    """One number of norms where a flag is true, another where it is false."""

    field: str
    true: int
    false: int

    def read(self, fields: Fields) -> int:
        """The number of norms that the flag says."""
        return self.true if fields.flag(self.field) else self.false

    def write(self, number: int) -> dict[str, Any]:
        """The flag of that number."""
        return {self.field: number == self.true}


def read_norms(fields: Fields, rule: int | NormRule) -> int:
    """A number that the family fixes, or what its fields say."""
    return rule.read(fields) if isinstance(rule, NormRule) else rule
