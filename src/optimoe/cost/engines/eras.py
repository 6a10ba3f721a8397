"""Eras of serving engines, by year: which release belongs where, and what it changed on the host.

Engines of 2024 ran scheduler, inputs and sampling between the GPU's steps; those of 2026 run them behind. The
coefficients that ship are of the years of their measurements. Of 2024 there are static batches, which give times
of the host of their own (``vllm@2024``).
"""

import re
from dataclasses import dataclass
from functools import cache

from optimoe.core.config import build, load_facts
from optimoe.core.errors import require_date

ERA = "@"
"""Between an engine and its era in a name."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release that changed what a step costs on the host.

    Attributes:
        engine: The serving engine.
        version: Its first version with the change.
        by: Day of the page that names it; the release is some days older.
        changed: What it changed.
        source: That page.

    Raises:
        ConfigError: The day is none.
    """

    engine: str
    version: str
    by: str
    changed: str
    source: str

    def __post_init__(self) -> None:
        require_date(self, "by")

    @property
    def era(self) -> str:
        """The year in which it was out."""
        return self.by[:4]


@dataclass(frozen=True, kw_only=True)
class EraTimes:
    """Seconds of the host in an era, fitted to measurements of it.

    Attributes:
        step_s: Of every step.
        request_s: Of a step for each running request.
        rows: Measurements.
        error: Median of |ln(predicted/measured)|, each model left out.
        before: That of the shipped coefficients on the same rows.
        source: Of the measurements.
    """

    step_s: float
    request_s: float
    rows: int
    error: float
    before: float
    source: str


@cache
def releases() -> tuple[Release, ...]:
    """Every release of the table of eras, the older ones first."""
    rows = load_facts("optimoe.cost", "eras.toml")["release"]
    return tuple(sorted((build(Release, row, where="eras.toml") for row in rows), key=lambda one: one.by))


def era_of(engine: str, version: str) -> str:
    """The year of the newest listed release that a version is not older than; empty where none is known."""
    numbers = version_numbers(version)
    known = [one for one in releases() if one.engine == engine and version_numbers(one.version) <= numbers]
    return known[-1].era if known and numbers else ""


def version_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: 1.0.0rc3 is (1, 0, 0)."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()


@cache
def era_times() -> dict[str, EraTimes]:
    """The engines of an era whose host times were fitted, by name: ``vllm@2024``."""
    table = load_facts("optimoe.cost", "eras.toml").get("times", {})
    return {
        f"{engine}{ERA}{era}": build(EraTimes, row, where=f"eras.toml, {engine} of {era}")
        for engine, eras in table.items()
        for era, row in eras.items()
    }
