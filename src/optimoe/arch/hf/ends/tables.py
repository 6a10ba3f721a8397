"""Field tables of tables and matrices beside the layers, into them and back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from optimoe.arch.ends.parts import EndMatrix, EndTable
from optimoe.arch.hf.ffns import learned
from optimoe.arch.hf.fields import Fields
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require


class Ends(ABC):
    """Fields of what stands before the layers and behind them, beside embedding and unembedding."""

    @abstractmethod
    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """The fields of :class:`ArchSpec` that say so.

        Raises:
            ConfigError: A field is missing, of the wrong type or out of limits.
        """

    @abstractmethod
    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """Write the ends into the fields that they were read from; others read back differently."""


class PlainEnds(Ends):
    """Nothing stands there but embedding and unembedding."""

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """No field is asked for."""
        return {}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """No field says so."""
        return {}


@dataclass(frozen=True, kw_only=True)
class NarrowEmbedding(Ends):
    """Embedding and unembedding of a width of their own, with a matrix to the layers' and one back (OPT-350m).

    Attributes:
        width: The field, which is d where it is missing or null.
    """

    width: str

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """Read the width, and the two matrices where it is not d."""
        width = fields.count(self.width, null=d_model, absent=d_model)
        if width == d_model:
            return {}
        inside = EndMatrix(inputs=width, outputs=d_model)
        return {"d_embedding": width, "projections": (inside, EndMatrix(inputs=d_model, outputs=width))}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """Write the width of the embedding."""
        return {self.width: arch.embedding_width}


@dataclass(frozen=True, kw_only=True)
class PredictionHead(Ends):
    """A matrix d·d before the logits (ModernBERT).

    Attributes:
        bias: The field that says whether it adds a bias.
        activation: The field of the activation behind it.
    """

    bias: str
    activation: str

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """Read the matrix, whose activation learns nothing."""
        stated = fields.value(self.activation)
        require(learned(fields, self.activation) == 0, self.activation, "one without parameters", stated)
        return {"projections": (EndMatrix(inputs=d_model, outputs=d_model, bias=fields.flag(self.bias)),)}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """Write whether the matrix has a bias."""
        return {self.bias: any(matrix.bias for matrix in arch.projections)}


@dataclass(frozen=True, kw_only=True)
class MoreRows(Ends):
    """Rows of the embedding beyond the vocabulary, which have no logits (Moshi).

    Attributes:
        rows: How many.
    """

    rows: int

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """The rows, of no field."""
        return {"tables": (EndTable(rows=self.rows, width=d_model),)}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """No field says so."""
        return {}


class LearnedFrequencies(Ends):
    """A learned factor for each frequency of RoPE, one for all layers (Mistral Large 4)."""

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """Read as many factors as the RoPE key has pairs of channels."""
        pairs = (fields.count("qk_rope_head_dim") + 1) // 2
        return {"tables": (EndTable(rows=1, width=pairs),)}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """No field says so."""
        return {}


@dataclass(frozen=True, kw_only=True)
class StatedRows(Ends):
    """Rows of the embedding beyond the vocabulary, as many as a field counts (Molmo 2).

    Attributes:
        rows: The field.
    """

    rows: str

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """Read how many rows there are, if any."""
        rows = fields.count(self.rows, zero=True)
        return {"tables": (EndTable(rows=rows, width=d_model),)} if rows else {}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """Write how many rows there are."""
        return {self.rows: sum(table.rows for table in arch.tables)}


class Prompts(Ends):
    """Learned prompts, embeddings of segments, and biases of each head by distance and segments (CPM-Ant)."""

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """Read the three tables from their fields."""
        segments = fields.count("segment_types")
        biases = segments * segments + fields.count("position_bias_num_buckets")
        return {
            "tables": (
                EndTable(rows=fields.count("prompt_types") * fields.count("prompt_length"), width=d_model),
                EndTable(rows=segments, width=d_model),
                EndTable(rows=biases, width=fields.count("num_attention_heads")),
            )
        }

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """Write the rows of the tables, all prompts as types of one token."""
        prompts, segments, biases = (table.rows for table in arch.tables)
        buckets = biases - segments * segments
        names = ("prompt_types", "prompt_length", "segment_types", "position_bias_num_buckets")
        return dict(zip(names, (prompts, 1, segments, buckets), strict=True))


class Drafting(Ends):
    """Matrices from the embedding and the hidden state of the model that is drafted for, and back to its width.

    With ordered embeddings there is one more, to centroids of which the best say whose logits are computed; all
    logits are counted, an upper estimate (Gemma 4).
    """

    def read(self, fields: Fields, d_model: int) -> dict[str, Any]:
        """Read the width of the other model, and the centroids where there are any."""
        other = fields.count("backbone_hidden_size")
        matrices = [EndMatrix(inputs=2 * other, outputs=d_model), EndMatrix(inputs=d_model, outputs=other)]
        if fields.flag("use_ordered_embeddings"):
            matrices.append(EndMatrix(inputs=d_model, outputs=fields.count("num_centroids")))
        return {"projections": tuple(matrices)}

    def write(self, arch: ArchSpec) -> dict[str, Any]:
        """Write the width of the other model, and the centroids."""
        other = arch.projections[1].outputs if len(arch.projections) > 1 else 0
        centroids = [matrix.outputs for matrix in arch.projections[2:]]
        ordered = {"num_centroids": centroids[0]} if centroids else {}
        return {"backbone_hidden_size": other, "use_ordered_embeddings": bool(centroids)} | ordered
