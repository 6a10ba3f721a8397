"""Short measurements of the scripted endpoint, with every request and what the endpoint saw of it."""

import itertools
from dataclasses import dataclass

from optimoe.loadtest.load.asking import question
from optimoe.loadtest.measure import measure
from optimoe.loadtest.results.measurement import Measurement
from optimoe.loadtest.workload import ClosedLoop, Endpoint, LoadPlan, TokenLengths
from tests.loadtest.endpoint import model, prompt_of, served

_names = itertools.count()


@dataclass(frozen=True)
class Asked:
    """A measurement of one level.

    Attributes:
        found: Its figures.
        timings: Every request.
        pairs: Measured requests, each with what the endpoint saw of it.
    """

    found: Measurement
    timings: list
    pairs: list

    @property
    def level(self):
        return self.found.levels[0]

    @property
    def delays_s(self):
        """From the endpoint's stamp of each chunk to ours; the clocks' origins differ by the quickest request."""
        origin = min(seen.read_s - timing.sent_s for timing, seen in self.pairs)
        return [
            origin + stamp - sent_s
            for timing, seen in self.pairs
            for stamp, sent_s in zip(
                itertools.accumulate(timing.gaps_s, initial=timing.first_token_s), seen.sends_s, strict=True
            )
        ]

    @property
    def measured(self):
        return [one for one in self.timings if one.phase == "measured"]


def ask(url, script=None, *, api="completions", load=None, requests=8, tokens=8, **plan):
    """Measure an endpoint that follows a script."""
    name = model(**(script or {}) | {"number": next(_names)})
    endpoint = Endpoint(url=url, model=name, api=api)
    lengths = {"input_lengths": TokenLengths(mean=12.0), "output_lengths": TokenLengths(mean=float(tokens))}
    asked = LoadPlan(
        levels=(load or ClosedLoop(concurrency=2),), num_requests=requests, **lengths | {"num_warmups": 0} | plan
    )
    timings = []
    found = measure(endpoint, asked, watch=timings.append)
    seen = {str(prompt_of(one.body)): one for one in served(url, name)}
    asking = (question(endpoint, found.server, asked, 0, one.index) for one in timings)
    prompts = {one.index: str(prompt_of(said.body)) for one, said in zip(timings, asking, strict=True)}
    pairs = [
        (one, seen[prompts[one.index]])
        for one in timings
        if one.phase == "measured" and prompts[one.index] in seen
    ]
    return Asked(found, timings, pairs)
