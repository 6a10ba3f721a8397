"""Lengths, prompts and times that are drawn, each by the place of its request, so that a seed repeats them."""

import math
from collections.abc import Iterator

import numpy as np

from optimoe.loadtest.workload import LoadPlan, OpenLoop, TokenLengths

_WORDS = """
about above after again along also always and another answer area around ask away back base because become
before begin below between book both boy building but call came can car carry case change children city close
cold come could country course cut day did different does done door down each early earth eat end enough even
ever every example eye face fact family far farm father feel feet few field find fire first fish five follow
food for form found four friend from full game gave get girl give gold good great green ground group grow had
half hand hard have head hear help here high hold home horse hot hour house how idea into island keep kind king
knew know land large last late learn leave left letter life light like line list little live long look made make
man many map mark mean men might mile mind money month moon more morning most mother mountain move much music
must name near need never new next night north note nothing notice number off often old once one only open order
other our out over own page paper part pass people piece place plain plan plant play point power problem put
question quick rain ran reach read ready real red rest right river road rock room round rule run said same saw
say school sea second see seem set several she ship short should show side simple since sing six size sleep slow
small snow some song soon sound south stand star start state stay step stop story street strong study such sun
sure table take talk teach tell ten than that the their them then there these they thing think this those though
thought thousand three through time together told took top toward town travel tree true try turn two under unit
until upon use very voice wait walk want warm was watch water way week well went were west what wheel when where
which while white who whole why will wind with wonder wood word work world would write year yes yet you young
"""
WORDS = tuple(_WORDS.split())
"""Common words of English, most of them one token to most tokenizers."""


def draw_length(lengths: TokenLengths, place: int, draws: np.random.Generator) -> int:
    """Draw one length, in tokens.

    A lognormal one of mean m and standard deviation s has log-variance v = ln(1 + s²/m²) and log-mean ln m − v/2.
    """
    if lengths.kind == "listed":
        return lengths.listed[place % len(lengths.listed)]
    if lengths.kind == "uniform":
        return int(draws.integers(lengths.low, lengths.high, endpoint=True))
    drawn = lengths.mean
    if lengths.kind == "normal":
        drawn = draws.normal(lengths.mean, lengths.std)
    elif lengths.kind == "lognormal":
        variance = math.log1p((lengths.std / lengths.mean) ** 2)
        drawn = draws.lognormal(math.log(lengths.mean) - variance / 2, math.sqrt(variance))
    return min(max(round(drawn), lengths.low), lengths.high)


def request_draws(plan: LoadPlan, level: int, place: int) -> np.random.Generator:
    """The random numbers of one request."""
    return np.random.default_rng([plan.seed, level, place])


def text_of_words(count: int, draws: np.random.Generator) -> str:
    """A text of random words."""
    return " ".join(WORDS[one] for one in draws.integers(len(WORDS), size=count))


def sending_times(load: OpenLoop, plan: LoadPlan, level: int) -> Iterator[float]:
    """When requests are due, in seconds from the first: as the trace says, or drawn, for ever.

    Gaps are drawn from a gamma distribution of shape b and scale 1/(rate·b): mean 1/rate, variance 1/(rate²·b)
    (as vLLM's benchmark_serving draws them).
    """
    if load.times_s:
        yield from load.times_s
        return
    draws, due = np.random.default_rng([plan.seed, level]), 0.0
    while True:
        yield due
        if not load.is_at_once:
            due += draws.gamma(load.burstiness, 1 / (load.rate_per_s * load.burstiness))
