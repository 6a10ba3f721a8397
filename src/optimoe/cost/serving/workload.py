"""What is asked of a deployment: requests, and the limits on their latency."""

import math
from dataclasses import dataclass
from typing import Literal

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require, require_choice, require_positive

Arrivals = Literal["closed", "static", "offline"]
"""How requests come: each followed by the next for ever, one batch at once and no more, or a queue worked off."""

DRAWN_SPREAD = 0.2 / 12**0.5 / 0.9
"""Standard deviation over mean of lengths drawn evenly from 0.8 to 1 of the longest, as serving benchmarks draw
them (vLLM's benchmark_serving.py with --random-range-ratio 0.8, the setting of InferenceMAX)."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Requests of one shape.

    Attributes:
        input_tokens: Prompt.
        output_tokens: Answer.
        prefix_hit: Share of the prompt's tokens whose keys and values are in the cache already.
        fixed_lengths: All requests have these lengths; otherwise they are means of lengths that vary.
        rounds: Requests that follow each other in each place of a closed run whose places all fill at once;
            infinite is the steady state.
        arrivals: ``closed``; ``static``, a batch of all requests in flight that start together and are the
            last; ``offline``, a queue of ``num_requests``, of which those in flight are served at once.
        num_requests: Of an offline run; otherwise 0.

    Raises:
        ConfigError: A length is not positive, the share is not in [0, 1], or an offline run has no requests.
        UnknownNameError: No such arrivals.
    """

    input_tokens: int = 1024
    output_tokens: int = 1024
    prefix_hit: float = 0.0
    fixed_lengths: bool = False
    rounds: float = math.inf
    arrivals: str = "closed"
    num_requests: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "input_tokens", "output_tokens")
        require(0 <= self.prefix_hit <= 1, "prefix_hit", "from 0 to 1", self.prefix_hit)
        require(self.rounds >= 1, "rounds", "at least 1", self.rounds)
        require_choice(self.arrivals, "arrivals", Arrivals)
        if self.arrivals == "offline":
            require(self.num_requests >= 1, "num_requests", "at least 1 in an offline run", self.num_requests)
        else:
            require(self.num_requests == 0, "num_requests", "left out unless offline", self.num_requests)

    @property
    def length_spread(self) -> float:
        """Standard deviation over mean of the lengths: 0 where they are fixed, else :data:`DRAWN_SPREAD`.

        Matters only to runs of few rounds that start all requests at once. A static batch has fixed lengths.
        """
        return 0.0 if self.fixed_lengths or self.arrivals == "static" else DRAWN_SPREAD

    @property
    def prefill_tokens(self) -> int:
        """Tokens of a prompt that must be computed: those without a cached prefix, at least the last."""
        return max(1, round(self.input_tokens * (1 - self.prefix_hit)))

    @property
    def decodes(self) -> bool:
        """Whether anything is decoded: answers of one token end with their prompt, and have no TPOT."""
        return self.output_tokens > 1

    @property
    def mean_context(self) -> float:
        """Tokens in the cache of a running request, averaged over its decoding: prompt + half the answer."""
        return self.input_tokens + self.output_tokens / 2

    @property
    def full_context(self) -> int:
        """Tokens in its cache when it ends."""
        return self.input_tokens + self.output_tokens


def beyond_context(arch: ArchSpec, workload: Workload) -> str:
    """One line where prompt and answer exceed the longest sequence that a model was made for; empty otherwise."""
    if not arch.max_context or workload.full_context <= arch.max_context:
        return ""
    return (
        f"context: {workload.input_tokens:,} tokens of prompt and {workload.output_tokens:,} of answer, more than "
        f"the {arch.max_context:,} that {arch.name} was made for"
    )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Upper limits on latency; infinite means no limit.

    Attributes:
        ttft_s: Time to first token.
        tpot_s: Time per output token, (e2e − TTFT)/(output − 1).
        ttft_percentile, tpot_percentile: Share of the requests that must keep the limit under random arrivals,
            such as 0.95; 0 where the limit is on the mean of a closed system.

    Raises:
        ConfigError: A limit is not positive, or a percentile not between 0.5 and 1.
    """

    ttft_s: float = math.inf
    tpot_s: float = math.inf
    ttft_percentile: float = 0.0
    tpot_percentile: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self, "ttft_s", "tpot_s")
        for name in ("ttft_percentile", "tpot_percentile"):
            share = getattr(self, name)
            require(share == 0 or 0.5 < share < 1, name, "above 0.5 and below 1, or 0 for the mean", share)

    @property
    def on_percentiles(self) -> bool:
        """Whether some limit holds for a share of the requests, which come at random."""
        return self.ttft_percentile > 0 or self.tpot_percentile > 0
