"""Seconds that the serving software takes beside the GPU's kernels, and which of them the GPU waits for."""

from dataclasses import dataclass, field

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.cost.facts import efficiency

LONGEST_FRONT_S = 60.0
"""A front end that takes longer is not stated in seconds."""


@dataclass(frozen=True, kw_only=True)
class HostTimes:
    """What an engine takes itself, by step, request, token of a prompt, and call.

    Attributes:
        front_s: From a request's arrival to the scheduler and back to the client, under load.
        step_s: Of every step, which the GPU waits for (scheduler, inputs).
        request_s: Of a step for each running request (sampled tokens, text, bookkeeping).
        prompt_token_s: For each token of a prompt before it can run (tokenizer, transport).
        launch_s: Of one call of a step that no captured graph holds, which are those with prompts.
        sampling_passes: Passes over a token's logits, in fp32, that drawing within top-k and top-p takes on the
            GPU: a sort of the vocabulary where no kernel does it (vLLM pull requests 11394 and 40376).
        most_requests: Requests up to which their seconds were measured to add up; more add none (assumed: engines
            with more send their answers in larger pieces, as their options for it ask).
        hidden: Share of the requests' seconds that runs behind the GPU's own step: 1 where an engine prepares
            the next step while this one runs, 0 where they take turns.

    Raises:
        ConfigError: A time is negative or infinite, the front end takes minutes, or the share is not in [0, 1].
    """

    front_s: float
    step_s: float = field(default_factory=lambda: efficiency("engine_step_s"))
    request_s: float = field(default_factory=lambda: efficiency("engine_request_s"))
    prompt_token_s: float = 0.0
    launch_s: float = field(default_factory=lambda: efficiency("engine_launch_s"))
    sampling_passes: float = 0.0
    most_requests: float = 128.0
    hidden: float = 1.0

    def __post_init__(self) -> None:
        longest = f"in seconds, from 0 to below {LONGEST_FRONT_S:.0f}"
        require(0 <= self.front_s < LONGEST_FRONT_S, "front_s", longest, self.front_s)
        for name in ("step_s", "request_s", "prompt_token_s", "launch_s", "sampling_passes", "most_requests"):
            require(0 <= getattr(self, name) < np.inf, name, "zero or more and finite", getattr(self, name))
        require(0 <= self.hidden <= 1, "hidden", "from 0 to 1", self.hidden)

    def before_s(self, prompt_tokens: Values) -> Values:
        """Seconds of a request outside the steps: the front end, and its share for each token of the prompt."""
        return self.front_s + self.prompt_token_s * prompt_tokens

    def waited_s(self, gpu_s: Values, requests: Values) -> Values:
        """Seconds of a step beyond the GPU's own: c + (1 − h)·b·r + max(h·b·r − t, 0).

        c is ``step_s``, r ``request_s``, b the requests of the step (at most ``most_requests``), h the share
        ``hidden`` and t the GPU's step: hidden work costs nothing while it is the shorter of the two, and all that
        it is longer beyond.

        Args:
            gpu_s: Seconds of the step's kernels.
            requests: Requests in it.
        """
        host_s = self.request_s * np.minimum(requests, self.most_requests)
        return self.step_s + (1 - self.hidden) * host_s + np.maximum(self.hidden * host_s - gpu_s, 0.0)
