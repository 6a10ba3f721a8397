"""What GGUF files hold, as JSON of ``optimoe arch``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimoe.core.records import same_fields

if TYPE_CHECKING:
    from optimoe.arch.checkpoint.gguf.held import GgufModel


@dataclass(frozen=True, kw_only=True)
class GgufHeldRecord:
    """Values and bytes of the tensors of one type.

    Attributes:
        params: How many values.
        num_bytes: What they take, scales included.
    """

    params: int
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class GgufPartRecord:
    """One part of a model in GGUF files, and by the configuration beside them.

    Attributes:
        params: Parameters in the files.
        params_stated: Parameters by the configuration; 0 where there is none.
        num_bytes: What the files hold of it.
        types: Types of its tensors, that of most values first.
    """

    params: int
    params_stated: int
    num_bytes: int
    types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GgufRecord:
    """A model in GGUF files by their headers, beside its configuration where one stands there.

    Attributes:
        name: The files' name.
        num_files: Files, the pieces of one model.
        num_tensors: Tensors in them.
        version: Version of the format.
        architecture: llama.cpp's word for the family; empty where the files do not say.
        num_layers: Layers, by the files; 0 where they do not say, like the four below.
        d_model: Width of the residual stream.
        max_context: Tokens of the longest sequence.
        num_experts: Routed experts; 0 of a dense model.
        top_k: Routed experts per token.
        params: Parameters in the files, without buffers, copies and layers that predict later tokens.
        params_stated: Parameters by the configuration, likewise; 0 where there is none.
        num_bytes: Bytes of all tensors.
        types: By type, that of most bytes first.
        parts: By part; ``mixers`` are attention and recurrent mixers, ``mtp`` layers that predict later tokens,
            ``copy`` what stands elsewhere, ``buffer`` what no gradient moves, ``other`` what no name explains.
        configured: Whether a ``config.json`` stands beside the files.
    """

    name: str
    num_files: int
    num_tensors: int
    version: int
    architecture: str
    num_layers: int
    d_model: int
    max_context: int
    num_experts: int
    top_k: int
    params: int
    params_stated: int
    num_bytes: int
    types: dict[str, GgufHeldRecord]
    parts: dict[str, GgufPartRecord]
    configured: bool


def gguf_record(model: "GgufModel") -> GgufRecord:
    """What GGUF files hold, as plain values."""
    return same_fields(
        GgufRecord,
        model,
        types={word: same_fields(GgufHeldRecord, held) for word, held in model.types.items()},
        parts={name: same_fields(GgufPartRecord, part) for name, part in model.parts.items()},
    )
