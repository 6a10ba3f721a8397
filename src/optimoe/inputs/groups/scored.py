"""Designs of one's own, which a plan scores beside its choice."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.core.units import parse_quantity
from optimoe.inputs.quantities import ByComma, Several, parts
from optimoe.inputs.sources import AsFamily, Model, ModelLike, Models, Shapes, read_models, read_shape_of

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec


@Parameter(name="*", group="Score")
@dataclass(frozen=True, kw_only=True)
class ScoreChoice:
    """Designs of one's own, scored under the plan's question."""

    score: Models = ()
    """Designs of your own to score beside the plan's: catalog names, config.json or files of parts; by comma, or
    once for each."""
    shape: Shapes = ()
    """Likewise a shape by hand, d_model=4096,num_layers=48,num_heads=32,… (docs/architectures.md), or its file."""
    start: Annotated[Model, Parameter(name="--from")] = ""
    """Likewise one design, with every change of one thing and what it would bring as a table."""
    as_family: AsFamily = ""
    """The known model_type as which a config.json of an unknown one is to be read, such as llama: only where it
    states every field that could change a count."""
    score_tokens: Annotated[Several, Parameter(name=["--score-tokens", "--tokens"]), ByComma()] = ""
    """Tokens that these designs are to train on, such as 15T: one number, or one for each by comma."""

    def specs(self) -> "tuple[ArchSpec, ...]":
        """The designs, those of --score first, that of --from last.

        Raises:
            UnknownNameError: Neither a file nor a name of the catalog, or no word of a shape; lists the nearest.
            ConfigError: A file is no usable ``config.json`` and states no parts, or a shape cannot be.
        """
        named: list[ModelLike] = []
        for model in self.score:
            named += list(parts(model)) if isinstance(model, str) and "=" not in model else [model]
        start = [self.start] if self.start else []
        read = read_models((*named, *start), self.as_family)
        shapes = [read_shape_of(shape) for shape in self.shape]
        return (*read[: len(named)], *shapes, *read[len(named) :])

    def tokens(self) -> tuple[float, ...]:
        """The tokens that they are to train on; none where none are stated.

        Raises:
            InputError: A number cannot be read.
        """
        return tuple(parse_quantity(part) for part in parts(self.score_tokens)) if self.score_tokens else ()
