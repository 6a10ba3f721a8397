"""Where a run begins, and what it does one after the other: weights to start from, and stages of new data."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from optimoe.core.errors import require, require_positive, require_text, require_types
from optimoe.core.run.parts import DataSource

MOST_STAGES = 64


@dataclass(frozen=True, kw_only=True)
class Start:
    """Weights that a run begins with instead of random ones.

    Attributes:
        folder: Of a trained run, whose newest checkpoint is taken, or of a Hugging Face checkpoint. A dense model
            under a run's routed architecture is upcycled; any other is of the run's own architecture.
        upcycling: Options of :class:`optimoe.models.convert.upcycle.Upcycling`; empty for its defaults.

    Raises:
        ConfigError: There is no folder.
    """

    folder: str
    upcycling: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "folder")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a run with data of its own; the learning rate rises and falls over each.

    All parameters train in a stage that neither grows nor has LoRA, whatever froze before it.

    Attributes:
        tokens: To train on.
        sources: Of the run's data, with their shares in this stage.
        growth: Experts that it begins with besides, and what is frozen: options of
            :class:`optimoe.models.convert.lifelong.Growth`; empty for none.
        lora: Matrices of low rank that alone train: options of :class:`optimoe.models.convert.lora.Lora`; empty
            for none.
        distillation: Weight of the distillation loss against the model as it was before the stage; 0 for none.

    Raises:
        ConfigError: A value is out of its limits, a source stands twice, or a stage both grows and has LoRA.
    """

    tokens: int
    sources: tuple[DataSource, ...]
    growth: dict[str, Any] = field(default_factory=dict)
    lora: dict[str, Any] = field(default_factory=dict)
    distillation: float = 0.0

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "tokens")
        require(0 <= self.distillation < math.inf, "distillation", "zero or more, and finite", self.distillation)
        names = [source.name for source in self.sources]
        once = len(names) > 0 and len(names) == len(set(names))
        require(once, "sources", "one or more, each named once", ", ".join(names) or "none")
        require(not (self.growth and self.lora), "lora", "empty in a stage that grows", self.lora)


def require_stages(stages: tuple[Stage, ...], tokens: int, batch_tokens: int, names: list[str]) -> None:
    """Refuse stages that are not the whole of a run.

    Args:
        stages: One or more.
        tokens: Of the run.
        batch_tokens: Of its steps, none of which may belong to two stages.
        names: Of its sources.

    Raises:
        ConfigError: With the stage, the field, the limit and the value.
    """
    require(len(stages) <= MOST_STAGES, "stages", f"at most {MOST_STAGES}", len(stages))
    for number, stage in enumerate(stages, 1):
        whole, where = f"a multiple of batch_tokens = {batch_tokens}", f"stages: stage {number}"
        require(stage.tokens % batch_tokens == 0, f"{where}: tokens", whole, stage.tokens)
        for source in stage.sources:
            known = f"of data.sources, {', '.join(names) or 'which are none'}"
            require(source.name in names, f"{where}: sources", known, source.name)
    total = sum(stage.tokens for stage in stages)
    require(total == tokens, "tokens", f"those of all stages, {total}", tokens)


def scaled_stages(stages: tuple[Stage, ...], share: float, batch_tokens: int) -> tuple[Stage, ...]:
    """Stages with a share of their tokens, each in whole steps of a batch, one at the least."""
    return tuple(
        replace(stage, tokens=max(1, round(share * stage.tokens / batch_tokens)) * batch_tokens)
        for stage in stages
    )
