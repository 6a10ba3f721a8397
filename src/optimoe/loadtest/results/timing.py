"""One request, timed."""

import math
from dataclasses import dataclass
from typing import Literal

Phase = Literal["warmup", "ramp", "measured", "drain"]
"""What a request is part of: warm-up before a level, the filling of the load, the measurement, or the load that is
kept up while the last measured requests are answered. Figures are of measured requests."""

TokenSource = Literal["usage", "chunks"]
"""Who counted the tokens of an answer: the server, or, where it does not say, we its chunks."""

NEVER = math.nan
"""The stamp of what did not happen."""


@dataclass(frozen=True, kw_only=True)
class RequestTiming:
    """One request that is over. Stamps are seconds since its level began, on the client's steady clock.

    A chunk is an event of the answer that carries text of the answer or of its reasoning, part of a call of a
    tool, or token ids. Events of a role, of a finish reason or of usage alone are none.

    Attributes:
        index: Place in the order of sending within the level, from 0.
        level: Place of the level in the plan, from 0.
        phase: Part of the measurement that it belongs to.
        turn: Place in its conversation, from 0.
        due_s: When it was to be sent.
        sent_s: Before its first byte was given to the kernel.
        first_byte_s: First byte of the answer, of its head that is.
        first_token_s: First chunk.
        last_token_s: Last chunk.
        ended_s: End of the answer, or of what came of it.
        gaps_s: Times between chunks that follow each other; one fewer than chunks.
        aimed_input_tokens, aimed_output_tokens: What was asked for.
        input_tokens: Of the prompt, as the server counted; 0 where it does not say.
        output_tokens: Of the answer, by ``token_source``.
        cached_tokens: Of the prompt, those that the server had in a prefix cache, as it says; 0 where it does not.
        usage_tokens: Of the answer, as the server counted; 0 where it does not say.
        token_source: Who counted; we where the server counted fewer tokens than chunks came.
        chunks: Chunks that came.
        empty_chunks: Events of the answer before its first chunk that carry nothing, but for those with a role.
        status: Of the HTTP answer; 0 where none came.
        finish_reason: As the server says.
        error: What went wrong, in a word such as ``http_500`` or ``closed``; empty for a good answer.
        error_text: What the server or the system said of it.
        reconnects: Times that a kept connection turned out to be closed before a byte of the answer, and the
            request was sent again; its stamps are those of the last sending.
    """

    index: int
    level: int = 0
    phase: Phase = "measured"
    turn: int = 0
    due_s: float = NEVER
    sent_s: float = NEVER
    first_byte_s: float = NEVER
    first_token_s: float = NEVER
    last_token_s: float = NEVER
    ended_s: float = NEVER
    gaps_s: tuple[float, ...] = ()
    aimed_input_tokens: int = 0
    aimed_output_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    usage_tokens: int = 0
    token_source: TokenSource = "usage"
    chunks: int = 0
    empty_chunks: int = 0
    status: int = 0
    finish_reason: str = ""
    error: str = ""
    error_text: str = ""
    reconnects: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it was answered; only such requests have a part in any latency."""
        return not self.error

    @property
    def ttft_s(self) -> float:
        """Time to first token: from sending to the first chunk."""
        return self.first_token_s - self.sent_s

    @property
    def tpot_s(self) -> float:
        """Time per output token, (last chunk − first chunk)/(tokens − 1); NaN for fewer than two of either."""
        if self.output_tokens < 2 or self.chunks < 2:
            return NEVER
        return (self.last_token_s - self.first_token_s) / (self.output_tokens - 1)

    @property
    def e2e_s(self) -> float:
        """Time from sending to the last chunk; what follows without text, such as usage, is no part of it."""
        return self.last_token_s - self.sent_s
