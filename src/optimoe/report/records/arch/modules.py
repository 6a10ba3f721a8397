"""JSON of ``optimoe arch --via transformers``: parameters of a built model by kind of module."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimoe.core.records import same_fields

if TYPE_CHECKING:
    from optimoe.models.convert.foreign.modules import ModuleCount


@dataclass(frozen=True, kw_only=True)
class ModulePartsRecord:
    """Parameters of a built model by kind of module, which the names of their classes say.

    Attributes:
        embedding: Tables that tokens, positions and the like look up.
        unembedding: The head's own; 0 where it is tied to the embedding.
        attention: Attention, its inner biases included.
        recurrent: Linear and state-space mixers.
        feed_forward: Dense feed-forwards, and shared experts that are modules of their own.
        experts: Routed experts.
        router: Routing matrices.
        norms: Norms.
        other: All that stands in none of these, what is around a language model included.
    """

    embedding: int
    unembedding: int
    attention: int
    recurrent: int
    feed_forward: int
    experts: int
    router: int
    norms: int
    other: int


@dataclass(frozen=True, kw_only=True)
class ModulesRecord:
    """A model as ``transformers`` builds it: its parameters by kind of module, and what they leave open.

    Attributes:
        name: The model's name.
        architecture: The class that was built.
        via: Who built it.
        release: Its release.
        params_total: Parameters that training moves, exactly.
        modules: The same by kind of module.
        statistics: Values that no gradient reaches, in none of these.
        untold: What cannot be told apart, a sentence each.
    """

    name: str
    architecture: str
    via: str
    release: str
    params_total: int
    modules: ModulePartsRecord
    statistics: int
    untold: tuple[str, ...]


def modules_record(name: str, counted: "ModuleCount") -> ModulesRecord:
    """A built model with what was counted of it."""
    return same_fields(
        ModulesRecord,
        counted,
        name=name,
        via="transformers",
        params_total=counted.total,
        modules=same_fields(ModulePartsRecord, counted),
    )
