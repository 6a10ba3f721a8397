"""What labs published of the runs that trained their models: tokens, date, GPUs, hours; each with its source."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import build, load_facts
from optimoe.core.errors import require

TokenBasis = Literal["published", "lower_bound", "series", "second_hand"]
"""How tokens were stated: of the model, as a bound from below, of a series of models, or read in a copy alone."""

HoursBasis = Literal["published", "derived", "upper_bound", ""]
"""How GPU hours were stated; ``derived`` is GPUs times days, empty where none are known."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """The published facts of one training run.

    Attributes:
        name: The model's name in the catalog.
        title: The model's name as its makers write it.
        organisation: Who trained it.
        date: Year and month of its release; empty where none was read.
        tokens: Training tokens, repeats counted; 0 where they were not published.
        tokens_basis: How those were stated.
        gpu: The accelerator of the run as this package calls it; empty where none is known.
        gpus: How many; 0 where not known.
        gpu_hours: GPU hours of the run; 0 where not known.
        hours_basis: How those were stated.
        fp8: Whether the run multiplied in fp8.
        upcycled: Whether the model started from a trained dense one, so that tokens are not its whole compute.
        source: Where the tokens were read.
        note: What to know before use.

    Raises:
        ConfigError: A number is negative, or a basis stands without its number.
    """

    name: str
    title: str
    organisation: str
    date: str
    tokens: float = 0.0
    tokens_basis: TokenBasis = "published"
    gpu: str = ""
    gpus: int = 0
    gpu_hours: float = 0.0
    hours_basis: HoursBasis = ""
    fp8: bool = False
    upcycled: bool = False
    source: str
    note: str = ""

    def __post_init__(self) -> None:
        for field in ("tokens", "gpus", "gpu_hours"):
            require(0 <= getattr(self, field) < math.inf, field, "zero or more", getattr(self, field))
        require(
            (self.gpu_hours > 0) == bool(self.hours_basis), "hours_basis", "stated with hours", self.hours_basis
        )

    @property
    def spec(self) -> ArchSpec:
        """The model in the catalog."""
        return _model(self.name)

    @property
    def params_active(self) -> int:
        """Parameters that one token touches, both embeddings included, counted from the shape."""
        return count_params(self.spec).active

    @property
    def train_flops(self) -> float:
        """C = 6·N_act·D of the run, by the laws' own convention; 0 where the tokens are not known."""
        return TRAIN_FLOPS_PER_PARAM_TOKEN * self.params_active * self.tokens


@cache
def _model(name: str) -> ArchSpec:
    return find_model(name)


@cache
def all_labs() -> tuple[Lab, ...]:
    """Every run whose facts are known, by date."""
    rows = load_facts("optimoe.planner", "labs.toml")["lab"]
    labs = [build(Lab, {"name": name} | row, where=f"labs.toml: {name}") for name, row in rows.items()]
    return tuple(sorted(labs, key=lambda lab: (lab.date, lab.name)))
