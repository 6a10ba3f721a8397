"""Which designs a law may rank: its runs' traits, the judgement by them, and both from a table of runs."""

from optimoe.laws.domain.judge import ALIASES, COVERED, READING_WORDS, Domain, Models, Reading, Seen, Standing
from optimoe.laws.domain.of_runs import domain_of_runs
from optimoe.laws.domain.reach import PlacedValue, Reach, reach
from optimoe.laws.domain.traits import SPOKEN, Traits, decades_outside, traits_of

__all__ = [
    "ALIASES",
    "COVERED",
    "READING_WORDS",
    "SPOKEN",
    "Domain",
    "Models",
    "PlacedValue",
    "Reach",
    "Reading",
    "Seen",
    "Standing",
    "Traits",
    "decades_outside",
    "domain_of_runs",
    "reach",
    "traits_of",
]
