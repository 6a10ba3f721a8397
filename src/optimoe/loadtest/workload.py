"""What an endpoint is asked: requests of stated lengths, and how they come."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from optimoe.core.errors import require, require_nonnegative, require_positive, require_text, require_types

Api = Literal["completions", "chat"]
PromptWord = Literal["text", "ids"]
LengthWord = Literal["fixed", "uniform", "normal", "lognormal", "listed"]


@dataclass(frozen=True, kw_only=True)
class ClosedLoop:
    """Requests each of which is followed by the next, so that a fixed number is in flight.

    Attributes:
        concurrency: Requests in flight.

    Raises:
        ConfigError: It is not positive.
    """

    concurrency: int

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "concurrency")


@dataclass(frozen=True, kw_only=True)
class OpenLoop:
    """Requests that come whether others have been answered or not.

    Times between them are drawn from a gamma distribution of shape ``burstiness`` and mean 1/rate, as vLLM's
    benchmark draws them: 1 is a Poisson process, below 1 they come in bursts, above 1 more evenly.

    Attributes:
        rate_per_s: Mean requests a second; infinite sends all at once.
        burstiness: Shape of the gamma distribution.
        times_s: Times of a trace at which requests are due, in place of drawn ones, in rising order.

    Raises:
        ConfigError: One is not positive, or times do not rise.
    """

    rate_per_s: float
    burstiness: float = 1.0
    times_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "rate_per_s", "burstiness")
        require(self.burstiness < math.inf, "burstiness", "finite", self.burstiness)

        rises = all(early <= late for early, late in pairwise(self.times_s))
        require(rises, "times_s", "in rising order", "times that go back")

    @property
    def is_whole(self) -> bool:
        """Whether all its requests are measured: those of a trace, or sent at once, are no steady load."""
        return self.is_at_once or bool(self.times_s)

    @property
    def is_at_once(self) -> bool:
        """Whether all requests are sent at once."""
        return self.rate_per_s == math.inf


Arriving = ClosedLoop | OpenLoop
"""How requests come."""


@dataclass(frozen=True, kw_only=True)
class TokenLengths:
    """Lengths of prompts or of answers, in tokens.

    Attributes:
        kind: ``fixed``; ``uniform`` from ``low`` to ``high``; ``normal`` or ``lognormal`` of this mean and
            standard deviation (of the lengths, not of their logarithms), cut to ``low`` and ``high``; ``listed``,
            one after the other, and again.
        mean: Of fixed, normal and lognormal lengths.
        std: Of normal and lognormal lengths.
        low, high: Shortest and longest.
        listed: The lengths themselves.

    Raises:
        ConfigError: A length is not positive, the shortest is longer than the longest, or nothing is listed.
        UnknownNameError: No such kind.
    """

    kind: LengthWord = "fixed"
    mean: float = 128.0
    std: float = 0.0
    low: int = 1
    high: int = 1_000_000
    listed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "mean", "low")
        require_nonnegative(self, "std")
        require(self.mean < math.inf and self.std < math.inf, "mean", "finite", self.mean)
        require(self.high >= self.low, "high", f"at least low = {self.low}", self.high)
        require(
            bool(self.listed) == (self.kind == "listed"), "listed", "stated for listed lengths only", self.listed
        )
        require(min(self.listed, default=1) >= 1, "listed", "of 1 or more", min(self.listed, default=1))

    @property
    def is_fixed(self) -> bool:
        """Whether all lengths are the same."""
        return self.kind == "fixed" or (self.kind == "listed" and len(set(self.listed)) == 1)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A server that speaks the OpenAI API.

    Attributes:
        url: Such as ``http://127.0.0.1:8000``; a path like ``/v1`` may follow.
        model: Its name there; empty takes the first that the server lists.
        api: ``completions`` or ``chat``.
        key_variable: Environment variable that holds the API key, where one is needed.

    Raises:
        ConfigError: The address is none of http or https.
        UnknownNameError: No such API.
    """

    url: str
    model: str = ""
    api: Api = "completions"
    key_variable: str = ""

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "url")
        require(self.url.startswith(("http://", "https://")), "url", "an address http:// or https://", self.url)


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """The requests of a measurement: levels of load, one after another, each with requests of the same kind.

    Attributes:
        levels: How requests come, level by level.
        input_lengths: Tokens of prompts. The server counts them; what it counted is what is reported.
        output_lengths: Tokens of answers, the limit that the server is given.
        num_requests: Requests of a level that are measured.
        duration_s: In place of a number, seconds in which requests of a level that are measured are sent; 0 for
            the number.
        shared_tokens: Tokens at the beginning of every prompt, the same for all: a prefix cache may hold them.
        num_turns: Requests of a conversation, each of which repeats what was asked and answered before; lengths of
            prompts are of what a turn adds.
        num_warmups: Requests before each level that are not measured.
        prompts: ``text`` of random words, or ``ids``, random token ids, which /v1/completions takes.
        vocab_size: Ids are below it.
        ignore_eos: Whether the server is asked to go on to the full length.
        ttft_s, tpot_s: Limits of a good request; infinite is none.
        timeout_s: A request that is not over by then has failed.
        seed: Of lengths, prompts and times.

    Raises:
        ConfigError: A number is out of its limits, or ids are asked for without their number.
        UnknownNameError: No such kind of prompt.
    """

    levels: tuple[Arriving, ...] = (ClosedLoop(concurrency=1),)
    input_lengths: TokenLengths = field(default_factory=TokenLengths)
    output_lengths: TokenLengths = field(default_factory=TokenLengths)
    num_requests: int = 100
    duration_s: float = 0.0
    shared_tokens: int = 0
    num_turns: int = 1
    num_warmups: int = 1
    prompts: PromptWord = "text"
    vocab_size: int = 0
    ignore_eos: bool = True
    ttft_s: float = math.inf
    tpot_s: float = math.inf
    timeout_s: float = 600.0
    seed: int = 0

    def __post_init__(self) -> None:
        require(len(self.levels) > 0, "levels", "one or more", "none")
        require_positive(self, "num_requests", "num_turns", "ttft_s", "tpot_s", "timeout_s")
        require_nonnegative(self, "duration_s", "shared_tokens", "num_warmups", "vocab_size", "seed")
        require(self.duration_s < math.inf, "duration_s", "finite", self.duration_s)
        ids = self.prompts == "ids"
        require(not ids or self.num_turns == 1, "num_turns", "1 with prompts of ids", self.num_turns)
        require(
            ids == (self.vocab_size > 0),
            "vocab_size",
            "above 0 for ids, and left out else",
            self.vocab_size,
        )
